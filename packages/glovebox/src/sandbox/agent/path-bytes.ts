import { GloveboxError } from "../../core/index.ts";

/** The agent escapes bytes that are not UTF-8 as the lone surrogates U+DC80 to U+DCFF (as Python's `surrogateescape`). */
const ESCAPED = /[\udc80-\udcff]/;

/** A path as bytes. `invalid_path` when it is empty, holds NUL, or holds lone surrogates that stand for no byte. */
export function encodePath(path: string): Uint8Array {
  if (path === "" || path.includes("\0")) throw new GloveboxError("invalid_path", "a path is not empty and has no NUL");
  if (path.isWellFormed()) return Buffer.from(path);
  const pieces: Buffer[] = [];
  for (const point of path) {
    if (point.isWellFormed()) pieces.push(Buffer.from(point));
    else if (ESCAPED.test(point)) pieces.push(Buffer.of(point.charCodeAt(0) - 0xdc00));
    else throw new GloveboxError("invalid_path", "the path is not valid text");
  }
  return Buffer.concat(pieces);
}
