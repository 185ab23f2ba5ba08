import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStrictJson } from "./strict-json.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text));
const refused = (text: string) =>
  expect(() => parse(text)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));

describe("strict JSON", () => {
  it("reads all that JSON can say", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const text = JSON.stringify(value);
        if (text.includes("__proto__") || text.includes("\\u0000")) return;
        expect(parse(text)).toEqual(JSON.parse(text));
        expect(parse(JSON.stringify(value, null, 2))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  it("either reads what JSON.parse reads, or refuses it; and refuses all else", () => {
    const soup = fc.array(
      fc.constantFrom("{", "}", "[", "]", '"', "\\", ":", ",", "a", "b", "\\u0061", "1", " ", "null", "\\u0000", "é"),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join("");
        let expected: unknown;
        let isJson = true;
        try {
          expected = JSON.parse(text);
        } catch {
          isJson = false;
        }
        try {
          expect(parse(text)).toEqual(expected);
          expect(isJson).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_argument" });
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("refuses duplicate keys at any depth, but not the same key in two objects", () => {
    refused('{"a":1,"a":2}');
    refused('[{"x":{"a":1,"b":{},"a":2}}]');
    refused('{"a" : 1 , "\\u0061" : 2}');
    expect(parse('[{"a":"a"},{"a":["a","a"]}]')).toEqual([{ a: "a" }, { a: ["a", "a"] }]);
  });

  it("refuses the prototype, deep nesting, NUL in names and bytes that are not UTF-8", () => {
    refused('{"__proto__":1}');
    refused('{"\\u005f_proto__":1}');
    refused(`[${"1,".repeat(100_001)}1]`);
    expect(parse("[".repeat(64) + "]".repeat(64))).toBeTruthy();
    refused("[".repeat(65) + "]".repeat(65));
    refused('{"a":'.repeat(100_000));
    refused('{"key":"a\\u0000b"}');
    refused('{"a\\u0000b":1}');
    expect(parse('{"stdin":"a\\u0000b","text":"\\\\u0000"}')).toEqual({ stdin: "a\0b", text: "\\u0000" });
    expect(() => parseStrictJson(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toThrow();
    expect(() => parseStrictJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow();
  });
});
