import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FieldPaths } from "./field-paths.ts";
import { createRedactor } from "./redactor.ts";
import { MASK } from "./spans.ts";

const redactor = createRedactor("default");
const SHAPED = `ghp_${"aB3dE6gH9j".repeat(4).slice(0, 36)}`;

describe("JSON", () => {
  it("is masked in its strings, and in fields with a telling name", () => {
    const value = {
      user: "me",
      token: "abcdefgh",
      deep: [{ text: `x ${SHAPED}` }, 5, null],
      headers: { "set-cookie": ["a=b; Path=/", "c=d; Path=/"], authorization: "anything" },
      password: "short",
      schema: { password: { type: "string" } },
    };
    expect(redactor.redactJson(value)).toEqual({
      user: "me",
      token: MASK,
      deep: [{ text: `x ghp_${MASK}` }, 5, null],
      headers: { "set-cookie": [MASK, MASK], authorization: MASK },
      password: "short",
      schema: { password: { type: "string" } },
    });
  });

  it("is masked where a pair of fields says what is what", () => {
    const env = [
      { name: "DB_PASSWORD", value: "correcthorse" },
      { key: "api_key", value: "correcthorse" },
      { name: "HOME", value: "/home/someone" },
    ];
    expect(redactor.redactJson(env)).toEqual([
      { name: "DB_PASSWORD", value: MASK },
      { key: "api_key", value: MASK },
      { name: "HOME", value: "/home/someone" },
    ]);
  });

  it("is the same object when there is nothing to mask", () => {
    const clean = { a: ["b", { c: 1 }], password: "", token: null };
    for (const profile of ["off", "default", "strict"] as const) {
      expect(createRedactor(profile).redactJson(clean)).toBe(clean);
    }
  });

  it("is masked whole under telling names when strict", () => {
    const value = { password: { old: "a", new: "b" }, pin: 5, token: 12345, secrets: ["a"] };
    expect(createRedactor("strict").redactJson(value)).toEqual({ password: MASK, pin: 5, token: MASK, secrets: ["a"] });
  });

  it("keeps a key that objects inherit", () => {
    const value: unknown = JSON.parse(`{"__proto__": {"token": "abcdefgh"}, "a": "${SHAPED}"}`);
    expect(JSON.stringify(redactor.redactJson(value))).toBe(`{"__proto__":{"token":"${MASK}"},"a":"ghp_${MASK}"}`);
  });

  it("is masked unseen where it is too deep", () => {
    let deep: unknown = SHAPED;
    for (let level = 0; level < 5000; level += 1) deep = [deep];
    const text = JSON.stringify(redactor.redactJson(deep));
    expect(text).toContain(MASK);
    expect(text.length).toBeLessThan(200);
  });
});

describe("field paths", () => {
  const value = { pin: 1, user: { pin: "2", name: "x", cards: [{ pin: 3 }, { no: { pin: [4] } }] }, PIN: true };
  it.each([
    ["pin", { ...value, pin: MASK, PIN: MASK }],
    ["user.pin", { ...value, user: { ...value.user, pin: MASK } }],
    ["*.pin", { ...value, user: { ...value.user, pin: MASK } }],
    ["user.cards.*.pin", { ...value, user: { ...value.user, cards: [{ pin: MASK }, { no: { pin: [4] } }] } }],
    ["user.cards.1", { ...value, user: { ...value.user, cards: [{ pin: 3 }, MASK] } }],
    ["user.**.pin", { ...value, user: { pin: MASK, name: "x", cards: [{ pin: MASK }, { no: { pin: MASK } }] } }],
    ["**.pin", { pin: MASK, user: { pin: MASK, name: "x", cards: [{ pin: MASK }, { no: { pin: MASK } }] }, PIN: MASK }],
    ["user.**", { ...value, user: MASK }],
    ["nothing.**.pin", value],
  ])("mask what they name: %s", (path, masked) => {
    expect(createRedactor("default", { fields: [path] }).redactJson(value)).toEqual(masked);
    expect(createRedactor("off", { fields: [path] }).redactJson(value)).toBe(value);
  });

  it.each(["", "a..b", ".", "a.", Array.from({ length: 17 }, () => "a").join(".")])("refuse %j", (path) => {
    expect(() => createRedactor("default", { fields: [path] })).toThrow(/is no field path/);
  });

  it("refuse to be too many", () => {
    expect(() => createRedactor("default", { fields: Array.from({ length: 101 }, () => "a") })).toThrow(
      /more than 100/,
    );
  });

  it("match as their definition says, with no more states than they have segments", () => {
    const segment = fc.constantFrom("a", "b", "*", "**");
    const path = fc.array(segment, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(path, fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 10 }), (segments, keys) => {
        const paths = new FieldPaths([segments.join(".")]);
        let state = paths.start;
        for (const key of keys) {
          state = paths.step(state, key);
          expect(state.length).toBeLessThanOrEqual(segments.length + 1);
        }
        expect(paths.isMasked(state)).toBe(matches(segments, keys));
      }),
      { numRuns: 2000 },
    );
  });
});

function matches([segment, ...segments]: readonly string[], keys: readonly string[]): boolean {
  if (segment === undefined) return keys.length === 0;
  if (segment === "**") return keys.some((_, at) => matches(segments, keys.slice(at))) || matches(segments, []);
  const [key, ...rest] = keys;
  return key !== undefined && (segment === "*" || segment === key) && matches(segments, rest);
}
