import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createByteMatcher, type Needle } from "./byte-matcher.ts";
import { contains, createReplacer, ForbiddenBytes, replaceAll } from "./replacer.ts";
import { base64Spellings } from "./spellings.ts";

const needle = (find: string, replace?: string): Needle =>
  replace === undefined ? { find: Buffer.from(find) } : { find: Buffer.from(find), replace: Buffer.from(replace) };

/** The same by plain search: leftmost, then longest. */
function byHand(pairs: readonly [string, string][], text: string): string {
  let out = "";
  for (let at = 0; at < text.length; ) {
    const found = pairs.filter(([find]) => text.startsWith(find, at)).sort(([a], [b]) => b.length - a.length)[0];
    out += found === undefined ? text[at] : found[1];
    at += found === undefined ? 1 : found[0].length;
  }
  return out;
}

const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 });
const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "d"), maxLength: 60 });

describe("replacing in a stream", () => {
  it("gives what replacing in the whole gives, however it is cut", () => {
    const pairs = fc.uniqueArray(fc.tuple(letters, fc.constantFrom("", "X", "YYYY")), {
      maxLength: 4,
      selector: ([find]) => find,
    });
    fc.assert(
      fc.property(pairs, fc.array(text, { maxLength: 6 }), (list, chunks) => {
        const replacer = createReplacer(createByteMatcher(list.map(([find, replace]) => needle(find, replace))));
        const out = [...chunks.map((chunk) => replacer.push(Buffer.from(chunk))), replacer.flush()];
        expect(Buffer.concat(out).toString()).toBe(byHand(list, chunks.join("")));
      }),
      { numRuns: 3_000 },
    );
  });

  it("never lets a whole forbidden needle out, and always ends", () => {
    fc.assert(
      fc.property(letters, fc.array(text, { maxLength: 6 }), (find, chunks) => {
        const replacer = createReplacer(createByteMatcher([needle(find)]));
        let out = "";
        let ended = false;
        try {
          for (const chunk of chunks) out += replacer.push(Buffer.from(chunk)).toString();
          out += replacer.flush().toString();
        } catch (error) {
          expect(error).toBeInstanceOf(ForbiddenBytes);
          ended = true;
        }
        expect(ended).toBe(chunks.join("").includes(find));
        expect(out).not.toContain(find);
      }),
    );
  });

  it("holds nothing back that can begin no needle", () => {
    const replacer = createReplacer(createByteMatcher([needle("secret", "***")]));
    expect(replacer.push(Buffer.from("a secret")).toString()).toBe("a ***");
    expect(replacer.push(Buffer.from("a secre")).toString()).toBe("a ");
    expect(replacer.push(Buffer.from("x")).toString()).toBe("secrex");
  });

  it("finds what plain search finds", () => {
    fc.assert(
      fc.property(fc.array(letters, { minLength: 1, maxLength: 4 }), text, (finds, where) => {
        const matcher = createByteMatcher(finds.map((find) => needle(find)));
        expect(contains(matcher, Buffer.from(where))).toBe(finds.some((find) => where.includes(find)));
      }),
    );
  });

  it("knows base64 texts that hold a needle, wherever it stands in them", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 9 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.constantFrom("base64", "base64url"),
        (before, after, form) => {
          const secret = "gbxsecret_KEY_01234567";
          const whole = Buffer.concat([before, Buffer.from(secret), after]).toString(form as "base64");
          const matcher = createByteMatcher(base64Spellings(secret).map((core) => needle(core, "#")));
          expect(replaceAll(matcher, Buffer.from(whole)).toString()).toContain("#");
        },
      ),
    );
  });
});
