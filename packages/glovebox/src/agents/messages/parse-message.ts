import type { ZodType } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { LIMITS } from "./limits.ts";

/**
 * Reads a message of another party: bounded in bytes, depth and number of values before its schema looks at it. Errors: `payload_too_large`; `invalid_argument` with
 * `details.path` on what the schema does not say, unknown fields and another `protocolVersion` included.
 */
export function parseMessage<T>(schema: ZodType<T>, value: unknown, what: string): T {
  checkSize(value, what);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join(".") ?? "";
  const where = path === "" ? what : `${what}: ${path}`;
  throw new GloveboxError("invalid_argument", `${where}: ${issue?.message ?? "not valid"}`, { details: { path } });
}

/** Walks without recursion: a hostile depth ends here and not in a stack. */
function checkSize(value: unknown, what: string): void {
  let bytes = 0;
  let values = 0;
  const left: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    values += 1;
    bytes += weight(next.value);
    if (bytes > LIMITS.messageBytes) throw tooLarge(what, "bytes", LIMITS.messageBytes);
    if (values > LIMITS.values) throw tooLarge(what, "values", LIMITS.values);
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth >= LIMITS.depth) throw tooLarge(what, "depth", LIMITS.depth);
    for (const [key, item] of Object.entries(next.value)) {
      if (key === "__proto__") throw new GloveboxError("invalid_argument", `${what}: no field is called ${key}`);
      if (!Array.isArray(next.value)) bytes += weight(key) + 1;
      if (bytes > LIMITS.messageBytes) throw tooLarge(what, "bytes", LIMITS.messageBytes);
      left.push({ value: item, depth: next.depth + 1 });
    }
  }
}

/** Bytes as JSON, nearly: escapes are not counted, so that nothing has to be written to be measured. */
function weight(value: unknown): number {
  return typeof value === "string" ? Buffer.byteLength(value) + 3 : 5;
}

function tooLarge(what: string, limit: string, max: number): GloveboxError {
  return new GloveboxError("payload_too_large", `${what} has more than ${max} ${limit}`, { details: { limit, max } });
}
