import { GloveboxError } from "../core/index.ts";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

const MAX_DEPTH = 100;

/**
 * A copy of `value` that JSON carries without loss: what a program gets back from its journal is what it gave. `undefined` fields are left out.
 * `invalid_argument` on all else (dates, maps, class instances, functions, cycles), saying where in `what` it stands.
 */
export function toJsonValue(value: unknown, what: string, depth = 0): JsonValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw unfit(what, String(value));
    return value === 0 ? 0 : value;
  }
  if (typeof value !== "object") throw unfit(what, typeof value);
  if (depth >= MAX_DEPTH) throw unfit(what, `nested more than ${MAX_DEPTH} deep, or a cycle`);
  if (Array.isArray(value)) return value.map((item, index) => toJsonValue(item, `${what}[${index}]`, depth + 1));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) {
    throw unfit(what, (value.constructor as { name?: string } | undefined)?.name ?? "an object of a class");
  }
  const copy: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    // Assigning it would set the prototype instead of a field.
    if (key === "__proto__") throw unfit(`${what}.${key}`, "a field of that name");
    if (item !== undefined) copy[key] = toJsonValue(item, `${what}.${key}`, depth + 1);
  }
  return copy;
}

function unfit(what: string, found: string): GloveboxError {
  return new GloveboxError("invalid_argument", `${what} cannot be kept as JSON: ${found}`, { details: { path: what } });
}
