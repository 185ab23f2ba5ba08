import { GloveboxError, isId } from "../../core/index.ts";
import type { StatementResult } from "./worker/messages.ts";

/** Reads an entity back from its `doc` column. What was stored was checked by its zod schema before. */
export function fromDoc<T>(row: { readonly doc: string }): T {
  return JSON.parse(row.doc) as T;
}

/** The entity that a statement with `RETURNING doc` gave, if it gave one. */
export function returnedDoc<T>(result: StatementResult | undefined): T | undefined {
  const doc = result?.rows[0]?.doc;
  return typeof doc === "string" ? (JSON.parse(doc) as T) : undefined;
}

/** Ids are the sort key of every list and decide event files: one that is no UUIDv7 must never get in. */
export function checkId(what: string, id: string): void {
  if (isId(id)) return;
  throw new GloveboxError("invalid_argument", `the id of a ${what} must be a UUIDv7`, { details: { path: "id" } });
}
