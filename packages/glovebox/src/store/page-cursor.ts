import { GloveboxError, isId } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1000;

/** A page request that was checked: `limit` rows whose id sorts before `beforeId`. */
export interface PageWindow {
  readonly limit: number;
  readonly beforeId: string | undefined;
}

/** Checks a page request. `invalid_argument` on a limit outside 1 to 1,000 and on a cursor that we did not make. */
export function pageWindow(request: PageRequest | undefined): PageWindow {
  const limit = request?.limit ?? DEFAULT_LIMIT;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${MAX_LIMIT}`, {
      details: { path: "limit" },
    });
  }
  return { limit, beforeId: request?.cursor === undefined ? undefined : decodeCursor(request.cursor) };
}

/** Makes the page out of `limit + 1` rows: the extra one only tells that there is more. */
export function toPage<T extends { readonly id: string }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return rows.length > limit && last !== undefined ? { items, nextCursor: encodeCursor(last.id) } : { items };
}

function encodeCursor(id: string): string {
  return Buffer.from(`1:${id}`, "utf8").toString("base64url");
}

function decodeCursor(cursor: string): string {
  const text = cursor.length > 128 ? "" : Buffer.from(cursor, "base64url").toString("utf8");
  const id = text.slice(2);
  if (!text.startsWith("1:") || !isId(id) || encodeCursor(id) !== cursor) {
    throw new GloveboxError("invalid_argument", "cursor is not one that this server gave", {
      details: { path: "cursor" },
    });
  }
  return id;
}
