import { GloveboxError } from "../../core/index.ts";

/** A message as `native/supervisor` reads them: u32 length, then NUL-terminated fields. Errors: `invalid_argument` for a NUL in one, or more than `most` bytes. */
export function encodeFields(fields: readonly string[], most: number): Buffer {
  if (fields.some((field) => field.includes("\0"))) {
    throw new GloveboxError("invalid_argument", "An argument or environment value holds a NUL character");
  }
  const text = Buffer.from(`${fields.join("\0")}\0`, "utf8");
  if (text.length > most) {
    throw new GloveboxError("invalid_argument", `The command line is longer than ${most / 1024} KiB`);
  }
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}
