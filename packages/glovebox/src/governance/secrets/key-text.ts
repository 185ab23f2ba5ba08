import { GloveboxError } from "../../core/index.ts";
import type { KeyRing } from "./key-ring.ts";
import { type MasterKey, masterKey } from "./seal.ts";

const MAX_KEYS = 8;
const KEY_BASE64 = /^[A-Za-z0-9+/]{43}=$/;

/** A ring out of keys as text (base64 of 32 bytes each), the current one first. `unavailable` names where they came from. */
export function ringOf(texts: readonly string[], from: string): KeyRing {
  const keys: MasterKey[] = [];
  for (const text of texts) {
    const key = KEY_BASE64.test(text) ? masterKey(Buffer.from(text, "base64")) : undefined;
    if (key === undefined) throw broken(from, `key ${keys.length + 1} is not the base64 of 32 bytes`);
    if (keys.some(({ id }) => id === key.id)) throw broken(from, `key ${keys.length + 1} is there already`);
    keys.push(key);
  }
  const current = keys[0];
  if (current === undefined) throw broken(from, "there is no key in it");
  if (keys.length > MAX_KEYS) throw broken(from, `it has more than ${MAX_KEYS} keys`);
  return { current, keys };
}

export function broken(from: string, reason: string, cause?: unknown): GloveboxError {
  return new GloveboxError("unavailable", `secrets cannot be used: the master key in ${from} is broken: ${reason}`, {
    details: { hint: "put back the key that sealed them; the server reads it again by itself" },
    ...(cause === undefined ? {} : { cause }),
  });
}
