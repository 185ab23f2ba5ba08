import { readFileSync } from "node:fs";
import type { Redactor } from "../../core/index.ts";
import { MASK } from "./spans.ts";

/** A text with a made-up secret in it, between `from` and `to`. */
export interface SecretCase {
  readonly kind: string;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

export interface Corpus {
  readonly secrets: readonly SecretCase[];
  /** Texts without a secret. */
  readonly ordinary: readonly string[];
}

/** How well a redactor does. All shares are 0 to 1. */
export interface Score {
  /** Of what was masked, how much was a secret. */
  readonly precision: number;
  /** Of the secrets, how many were masked. */
  readonly recall: number;
  /** Of the secrets, how many were masked with nothing around them. */
  readonly exact: number;
  /** Secrets that got through, and ordinary texts that were changed. */
  readonly missed: readonly SecretCase[];
  readonly wrong: readonly string[];
}

const LETTERS: Readonly<Record<string, string>> = {
  digits: "0123456789",
  hex: "0123456789abcdef",
  upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
  alnum: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
  base64: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  base64url: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};
/** Parts of a secret this long that are still there make it missed. */
const TELLING = 8;

/** The labelled texts of `testdata`, the same every time. */
export function loadCorpus(): Corpus {
  const secrets = lines("secrets.txt").map((line, index): SecretCase => {
    const bar = line.indexOf("|");
    const marked = fill(line.slice(bar + 1), index);
    const [before = "", secret = "", after = ""] = marked.split(/[‹›]/);
    const from = before.length;
    return { kind: line.slice(0, bar), text: before + secret + after, from, to: from + secret.length };
  });
  return { secrets, ordinary: lines("ordinary.txt").map((line, index) => fill(line, 10_000 + index)) };
}

export function scoreOf(redactor: Redactor, corpus: Corpus): Score {
  const missed: SecretCase[] = [];
  let exact = 0;
  for (const secret of corpus.secrets) {
    const out = redactor.redact(secret.text);
    if (!isMasked(out, secret)) missed.push(secret);
    else if (out === secret.text.slice(0, secret.from) + MASK + secret.text.slice(secret.to)) exact += 1;
  }
  const wrong = corpus.ordinary.filter((text) => redactor.redact(text) !== text);
  const found = corpus.secrets.length - missed.length;
  return {
    precision: found / (found + wrong.length),
    recall: found / corpus.secrets.length,
    exact: exact / corpus.secrets.length,
    missed,
    wrong,
  };
}

function isMasked(out: string, { text, from, to }: SecretCase): boolean {
  if (!out.includes(MASK)) return false;
  const part = Math.min(TELLING, to - from);
  for (let at = from; at + part <= to; at += 1) if (out.includes(text.slice(at, at + part))) return false;
  return true;
}

function lines(file: string): string[] {
  const text = readFileSync(new URL(`testdata/${file}`, import.meta.url), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("# "));
}

/** Characters for every `{class:length}`, made from the line's number. */
function fill(line: string, seed: number): string {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const some = (letters: string, length: number): string =>
    Array.from({ length }, () => letters[random(letters.length)]).join("");
  return line
    .replaceAll("{uuid}", () => [8, 4, 4, 4, 12].map((length) => some(LETTERS.hex ?? "", length)).join("-"))
    .replaceAll(/\{(\w+):(\d+)\}/g, (_all, letters: string, length: string) =>
      some(LETTERS[letters] ?? "", Number(length)),
    )
    .replaceAll(/(?<!\\)\\n/g, "\n")
    .replaceAll("\\\\n", "\\n");
}
