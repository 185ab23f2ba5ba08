import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { type MasterKey, masterKey, seal, unseal } from "./seal.ts";

function aKey(): MasterKey {
  const key = masterKey(randomBytes(32));
  if (key === undefined) throw new Error("32 bytes are a key");
  return key;
}

test("what was sealed opens under its key and for its place only, and is never sealed twice the same", () => {
  const [key, other] = [aKey(), aKey()];
  for (const value of [Buffer.from("é"), Buffer.alloc(0), randomBytes(65_536)]) {
    const sealed = seal(key, value, "tenant a");
    expect(unseal(key, sealed, "tenant a")?.equals(value)).toBe(true);
    expect(unseal(other, sealed, "tenant a")).toBeUndefined();
    expect(unseal(key, sealed, "tenant b")).toBeUndefined();
    expect(Buffer.from(seal(key, value, "tenant a")).equals(sealed)).toBe(false);
    if (value.length > 8) expect(Buffer.from(sealed).includes(value.subarray(0, 8))).toBe(false);
  }
});

test("no bit of it can be changed, and no end of it cut off", () => {
  const key = aKey();
  const sealed = seal(key, Buffer.from("a value"), "x");
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect([at, unseal(key, changed, "x")]).toEqual([at, undefined]);
    expect([at, unseal(key, sealed.subarray(0, at), "x")]).toEqual([at, undefined]);
  }
});

test("a key is 32 bytes, which are zeroed; its id tells keys apart; looking at it shows nothing", () => {
  expect(masterKey(randomBytes(31))).toBeUndefined();
  expect(masterKey(randomBytes(33))).toBeUndefined();
  const bytes = randomBytes(32);
  const copy = Buffer.from(bytes);
  const key = masterKey(bytes);
  expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  expect(key?.id).toMatch(/^[0-9a-f]{16}$/);
  expect(masterKey(Buffer.from(copy))?.id).toBe(key?.id);
  expect(aKey().id).not.toBe(key?.id);
  const shown = inspect(key, { depth: 10, showHidden: true }) + JSON.stringify(key);
  expect(shown).not.toContain(copy.toString("hex").slice(0, 12));
});
