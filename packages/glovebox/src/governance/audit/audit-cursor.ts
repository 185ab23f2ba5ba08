import { GloveboxError } from "../../core/index.ts";

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 50;

/** Opaque for clients. */
export function encodeCursor(seq: number): string {
  return Buffer.from(`a1:${seq}`, "utf8").toString("base64url");
}

export function decodeCursor(cursor: string): number {
  const text = cursor.length > 64 ? "" : Buffer.from(cursor, "base64url").toString("utf8");
  const seq = Number(/^a1:([1-9]\d{0,15})$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isSafeInteger(seq) && encodeCursor(seq) === cursor) return seq;
  throw new GloveboxError("invalid_argument", "cursor is not one that this server gave", {
    details: { path: "cursor" },
  });
}

export function checkLimit(limit: number = DEFAULT_LIMIT): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${MAX_LIMIT}`, {
    details: { path: "limit" },
  });
}
