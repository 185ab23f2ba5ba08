import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Chars } from "./chars.ts";
import { loadCorpus } from "./corpus.ts";
import { createRedactor } from "./redactor.ts";
import { Scanner } from "./scanner.ts";
import { MASK, type Span } from "./spans.ts";

const corpus = loadCorpus();
const VALUES = ["hunter2hunter2", "aB3dE6gH9j+/=&", "correct horse"];
const REDACTORS = {
  default: createRedactor("default"),
  strict: createRedactor("strict"),
  "default with e-mail addresses": createRedactor("default", { emails: true }),
  "default with values": createRedactor("default").withValues(VALUES),
  "strict with values": createRedactor("strict").withValues(VALUES),
};
const redactors = Object.entries(REDACTORS);

/** What secrets are made of, so that random texts come near them. */
const fragment = fc.oneof(
  fc.constantFrom(...corpus.secrets.map(({ text }) => text)),
  fc.constantFrom(...corpus.ordinary),
  fc.constantFrom(...corpus.secrets.map(({ text, from }) => text.slice(0, from))),
  fc.constantFrom(...VALUES, ...VALUES.map((value) => Buffer.from(`x${value}`).toString("base64"))),
  fc.constantFrom(..."=:.-_@/\\\"'` \n\r<>&,;[](){}$%0A9é😀".split("")),
  fc.constantFrom(
    "password",
    "token=",
    "cookie: a=",
    "://a:",
    "-----BEGIN A-----",
    "-----END",
    "4242",
    "eyJ",
    MASK,
    "a@b.co",
  ),
);
const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));
/** With secrets that do not go on from each other: where one is masked, what goes on from it stands at a beginning that it had not. */
const spaced = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(" "));
const cuts = fc.array(fc.nat(600), { maxLength: 30 });

describe.each(redactors)("the redactor (%s)", (_name, redactor) => {
  it("finds the same wherever the text is cut, and holds little back", () => {
    fc.assert(
      fc.property(text, cuts, (whole, at) => {
        const stream = redactor.stream();
        let out = "";
        let from = 0;
        let taken = 0;
        for (const cut of [...at.map((index) => Math.min(index, whole.length)), whole.length].sort((a, b) => a - b)) {
          out += stream.push(whole.slice(from, cut));
          taken += cut - from;
          expect(stream.heldBytes).toBeLessThanOrEqual(Math.min(64 * 1024, Buffer.byteLength(whole.slice(0, taken))));
          from = cut;
        }
        expect(out + stream.flush()).toBe(redactor.redact(whole));
        expect(stream.heldBytes).toBe(0);
      }),
      { numRuns: 600 },
    );
  });

  it("masks once what it masks twice, and makes no text much longer", () => {
    fc.assert(
      fc.property(text, spaced, (glued, apart) => {
        const once = redactor.redact(apart);
        expect(redactor.redact(once)).toBe(once);
        const whole = redactor.redact(glued);
        // The shortest secret is a password of one character in a URL, after three more.
        expect(whole.length).toBeLessThanOrEqual(glued.length * 3 + MASK.length);
      }),
      { numRuns: 600 },
    );
  });

  it("takes any text and any JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), fc.jsonValue(), (any, json) => {
        expect(typeof redactor.redact(any)).toBe("string");
        expect(JSON.stringify(redactor.redactJson(json)).length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});

/** Counts how often a character is looked at. */
class Counting extends Chars {
  looks = 0;
  override charCodeAt(at: number): number {
    this.looks += 1;
    return super.charCodeAt(at);
  }
  override slice(from: number, to?: number): string {
    const part = super.slice(from, to);
    this.looks += part.length;
    return part;
  }
}

const HOSTILE = [
  ...["eyJ", "sk-", "/sk-", "password=", "password=a", "://a:", "://", "ghp_a", "-----BEGIN ", "-----BEGIN A-----"],
  ...[
    "4111 11",
    "4",
    "41",
    "Bearer ",
    '"token":"',
    "\\",
    "token=a(",
    "AKIA",
    "_",
    "-",
    ":",
    "=",
    "a:",
    ">",
    "a@a",
    "@",
  ],
  ...["cookie:a=", "cookie: a", "authorization: basic ", "--password ", "ENV TOKEN ", "token1=", 'token"]=', "<token>"],
  ...[
    "1//",
    "hooks.slack.com/services/",
    `${"a".repeat(999)}=`,
    `${"a".repeat(60)}:`,
    "token_token_",
    'token="\\',
    "SG.",
  ],
];

it.each(HOSTILE)("looks at each character a bounded number of times (%j repeated)", (unit) => {
  const looks = (length: number): number => {
    const chars = new Counting();
    chars.set(unit.repeat(Math.ceil(length / unit.length)));
    const spans: Span[] = [];
    expect(new Scanner({ words: false }).advance(chars, 0, true, spans)).toBe(chars.length);
    return chars.looks / chars.length;
  };
  const short = looks(10_000);
  const long = looks(200_000);
  expect(long).toBeLessThan(64);
  expect(long).toBeLessThan(short * 1.1 + 1);
});
