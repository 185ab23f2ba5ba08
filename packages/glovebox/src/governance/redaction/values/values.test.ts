import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Chars } from "../chars.ts";
import { createRedactor } from "../redactor.ts";
import { MASK, type Span } from "../spans.ts";
import { encodingsOf } from "./encodings.ts";
import { MAX_PATTERN, patternsOf } from "./patterns.ts";
import { ValueFinder, valueTable } from "./value-finder.ts";

const VALUE = 'S3cr3t "of\\us" & ü/ö?';
const base64 = (text: string) => Buffer.from(text).toString("base64");
const only = (...values: string[]) => createRedactor("off").withValues(values);

const FORMS: readonly (readonly [how: string, text: string])[] = [
  ["as it is", VALUE],
  ["in base64", base64(VALUE)],
  ["in base64url", Buffer.from(VALUE).toString("base64url")],
  ["URL-encoded", encodeURIComponent(VALUE)],
  ["URL-encoded in small hex", encodeURIComponent(VALUE).replaceAll(/%../g, (code) => code.toLowerCase())],
  ["in a form", new URLSearchParams({ a: VALUE }).toString().slice(2)],
  ["in JSON", JSON.stringify(VALUE).slice(1, -1)],
  ["in JSON in JSON", JSON.stringify(JSON.stringify(VALUE)).slice(3, -3)],
  ["in JSON of ASCII", JSON.stringify(VALUE).slice(1, -1).replaceAll("ü", "\\u00fc").replaceAll("ö", "\\u00f6")],
  ["as Latin-1", Buffer.from(VALUE).toString("latin1")],
  ["broken by a terminal", `${VALUE.slice(0, 3)}\r\n${VALUE.slice(3, 15)}\r\n${VALUE.slice(15)}`],
];

describe("values", () => {
  it.each(FORMS)("are masked %s", (_how, text) => {
    expect(only(VALUE).redact(`before ${text} after`)).toMatch(/^before \[redacted\][\w=]{0,3} after$/);
  });

  it("are masked within a longer base64 text wherever they begin in it", () => {
    for (const alphabet of ["base64", "base64url"] as const) {
      for (let before = 0; before < 9; before += 1) {
        for (let after = 0; after < 9; after += 1) {
          const text = Buffer.from("u".repeat(before) + VALUE + "v".repeat(after)).toString(alphabet);
          const out = only(VALUE).redact(text);
          expect(out).toContain(MASK);
          // What is left has at most four bits of the value at either end.
          const left = out.split(MASK);
          expect(left[0]?.length).toBeLessThanOrEqual(Math.ceil((before * 8) / 6));
          expect(left[1]?.replaceAll("=", "").length).toBeLessThanOrEqual(Math.ceil((after * 8 + 4) / 6));
        }
      }
    }
  });

  it("are masked in base64 that is broken into lines", () => {
    const lines = (text: string, width: number) => text.replaceAll(new RegExp(`.{${width}}`, "g"), "$&\n");
    for (let before = 0; before < 80; before += 1) {
      const text = base64(`${"u".repeat(before)}${VALUE}${"v".repeat(50)}`);
      for (const width of [7, 64, 76]) {
        const out = only(VALUE).redact(lines(text, width)).replaceAll("\n", "");
        expect(out).toContain(MASK);
        expect(out.length).toBeLessThanOrEqual(text.length - base64(VALUE).length + MASK.length + 4);
      }
    }
  });

  it("are masked in keys of JSON, and no field is lost", () => {
    const value = { [VALUE]: 1, [`${VALUE}${VALUE}`]: 2, b: [{ c: `x${VALUE}` }] };
    expect(only(VALUE).redactJson(value)).toEqual({ [MASK]: 1, [`${MASK} (2)`]: 2, b: [{ c: `x${MASK}` }] });
  });

  it("that are too short are left alone, and those that are part of the mask too", () => {
    expect(only("abcde", "", "redacted").redact("abcde is redacted")).toBe("abcde is redacted");
    expect(only("abcdef").redact("xabcdefx")).toBe(`x${MASK}x`);
  });

  it("are found within what began like another", () => {
    expect(only("abcdefgh", "xxabcdefghyy").redact("xxabcdefghzz xxabcdefghyy")).toBe(`xx${MASK}zz ${MASK}`);
  });

  it("add to those that were given before, and to what the profile masks", () => {
    const redactor = createRedactor("default").withValues(["first-one"]).withValues(["second-one"]);
    expect(redactor.redact("first-one second-one password=hunter2")).toBe(`${MASK} ${MASK} password=${MASK}`);
    expect(createRedactor("default").redact("first-one")).toBe("first-one");
  });

  it("of any length are masked whole, and little of them is held back", () => {
    const long = Array.from({ length: 9_000 }, (_, at) => ((at * 7919) % 9973).toString(36)).join("");
    const stream = only(long).stream();
    let out = "";
    let most = 0;
    for (const letter of `<${long}>`) {
      out += stream.push(letter);
      most = Math.max(most, stream.heldBytes);
    }
    expect(out + stream.flush()).toBe(`<${MASK}>`);
    expect(most).toBeLessThanOrEqual(MAX_PATTERN);
    expect(only(long).redact(`<${base64(`ab${long}`)}>`)).toMatch(/^<\w{0,3}\[redacted\][\w=]{0,4}>$/);
  });

  it("hold back only what may be the beginning of one", () => {
    const stream = only("hunter22", "unterwegs").stream();
    expect(stream.push("Password: ")).toBe("Password: ");
    expect(stream.push("the hunt")).toBe("the ");
    expect(stream.heldBytes).toBe(4);
    expect(stream.push("er")).toBe("");
    expect(stream.push("we")).toBe("h");
    expect(stream.push("gs!")).toBe(`${MASK}!`);
    expect(stream.push("\n".repeat(100))).toBe("\n".repeat(100));
    expect(stream.push(`hunt${"\n".repeat(100)}`)).toBe(`hunt${"\n".repeat(100)}`);
  });

  it("are told at once when they are over, even if more might be", () => {
    const stream = only("hunter22", "hunter22-and-more").stream();
    expect(stream.push("hunter22")).toBe(MASK);
    expect(stream.heldBytes).toBe(0);
    expect(stream.push("-and-more.")).toBe(".");
  });
});

/** Letters of which values and texts have many in common. */
const letters = fc.constantFrom("a", "b", "aab", "ab", "ba", "abab", "\n", "é");
const value = fc.array(fc.constantFrom("a", "b", "ab", "ba", "é", "="), { minLength: 4, maxLength: 12 }).map(joined);
/** Some have others within them. */
const values = fc
  .tuple(
    fc.array(value, { minLength: 1, maxLength: 8 }),
    fc.constantFrom("", "b", "bba"),
    fc.constantFrom("", "a", "éb"),
  )
  .map(([all, before, after]) => [...all, `${before}${all[0]}${after}`, `${before}${all.at(-1)}${after}a`]);

function joined(parts: readonly string[]): string {
  return parts.join("");
}

/** The same by the plainest means: every pattern at every place, line breaks (four at most) passed over. */
function plainly(text: string, patterns: readonly string[]): string {
  const marks = new Uint8Array(text.length);
  for (const pattern of patterns) {
    for (let from = 0; from < text.length; from += 1) {
      let at = from;
      let seen = 0;
      let breaks = 0;
      for (; at < text.length && seen < pattern.length && breaks <= 4; at += 1) {
        if (text[at] === "\n" && seen > 0) breaks += 1;
        else if (text[at] === pattern[seen]) {
          seen += 1;
          breaks = 0;
        } else break;
      }
      if (seen === pattern.length) marks.fill(1, from, at);
    }
  }
  let out = "";
  for (let at = 0; at < text.length; at += 1) {
    if (marks[at] === 0) out += text[at];
    else if (at === 0 || marks[at - 1] === 0) out += MASK;
  }
  return out;
}

describe("the search for values", () => {
  it("finds what a plain search finds, wherever the text is cut", () => {
    fc.assert(
      fc.property(
        values,
        fc.array(fc.oneof(letters, value, fc.nat(100)), { maxLength: 60 }),
        fc.array(fc.nat(200), { maxLength: 20 }),
        (secrets, parts, cuts) => {
          // A number stands for one of the values, most of it or all.
          const text = parts
            .map((part) => (typeof part === "string" ? part : `${secrets[part % secrets.length]}`.slice(0, 4 + part)))
            .join("");
          const patterns = patternsOf(secrets);
          const redactor = only(...secrets);
          const expected = plainly(text, patterns);
          expect(redactor.redact(text)).toBe(expected);
          const stream = redactor.stream();
          let out = "";
          let from = 0;
          for (const cut of [...cuts].sort((a, b) => a - b)) {
            out += stream.push(text.slice(from, cut));
            from = Math.max(from, Math.min(cut, text.length));
          }
          expect(out + stream.push(text.slice(from)) + stream.flush()).toBe(expected);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("finds each of some hundreds of values in every encoding", () => {
    const many = Array.from({ length: 300 }, (_, at) => base64(`${at}-${"key".repeat(1 + (at % 7))}-${at * 7919}`));
    const redactor = only(...many);
    for (const secret of many) {
      for (const text of encodingsOf(secret)) expect(redactor.redact(` ${text} `)).toBe(` ${MASK} `);
    }
  });

  it("looks at each character a bounded number of times, whatever the text and the values", () => {
    class Counting extends Chars {
      looks = 0;
      override charCodeAt(at: number): number {
        this.looks += 1;
        return super.charCodeAt(at);
      }
    }
    const looks = (secrets: readonly string[], text: string): number => {
      const table = valueTable(secrets);
      if (table === undefined) throw new Error("no value is long enough");
      const chars = new Counting();
      chars.set(text);
      const spans: Span[] = [];
      new ValueFinder(table).advance(chars, 0, true, spans);
      return chars.looks / text.length;
    };
    const hostile: readonly (readonly [secrets: readonly string[], unit: string])[] = [
      [[`${"a".repeat(400)}b`], "a"],
      [[`${"a".repeat(400)}b`, "aaaaaaaa"], "a"],
      [["abcdefgh", `${"abcdefg".repeat(50)}h`], "abcdefg"],
      [["abcdefgh"], "abcdefg\n"],
      [["abcdefgh"], "\n"],
      [[`${"ab".repeat(200)}c`, "babababac"], "ab"],
      [Array.from({ length: 200 }, (_, at) => `${"a".repeat(at + 6)}!`), "a"],
    ];
    for (const [secrets, unit] of hostile) {
      const short = looks(secrets, unit.repeat(20_000 / unit.length));
      const long = looks(secrets, unit.repeat(200_000 / unit.length));
      expect(long).toBeLessThan(24);
      expect(long).toBeLessThan(short * 1.1 + 1);
    }
  });
});
