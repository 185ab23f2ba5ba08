import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { findInjections } from "./find-injections.ts";

/** `later`: written after the rules, which were not changed for it. */
export type Part = "tune" | "held-out" | "later";

/** A text of `testdata/`, and whether it tries to instruct a model. */
export interface LabelledOutput {
  readonly id: string;
  readonly part: Part;
  readonly injected: boolean;
  readonly text: string;
}

/** Shares are 0 to 1. */
export interface InjectionScore {
  readonly precision: number;
  readonly recall: number;
  readonly wrong: readonly string[];
  readonly missed: readonly string[];
}

/** The whole set. Hidden characters are written `\u{…}` in it. */
export function loadInjections(): readonly LabelledOutput[] {
  return [...read("injected"), ...read("clean")];
}

function read(name: "injected" | "clean"): LabelledOutput[] {
  const file = readFileSync(new URL(`testdata/${name}.txt`, import.meta.url), "utf8");
  return file
    .split(/^=== /m)
    .slice(1)
    .map((entry) => {
      const newline = entry.indexOf("\n");
      const id = `${name} ${entry.slice(0, newline)}`;
      const text = entry.slice(newline + 1).trimEnd();
      return {
        id,
        part: partOf(id),
        injected: name === "injected",
        text: text.replaceAll(/\\u\{([0-9a-f]+)\}/g, (_all, code: string) =>
          String.fromCodePoint(Number.parseInt(code, 16)),
        ),
      };
    });
}

function partOf(id: string): Part {
  if (id.includes(" later-")) return "later";
  return (createHash("sha256").update(id).digest()[0] ?? 0) % 2 === 0 ? "tune" : "held-out";
}

export function scoreInjections(set: readonly LabelledOutput[], threshold: number): InjectionScore {
  const found = set.filter(({ text }) => findInjections(text, threshold).length > 0);
  const right = found.filter(({ injected }) => injected).length;
  const injected = set.filter((one) => one.injected);
  return {
    precision: right / Math.max(1, found.length),
    recall: right / Math.max(1, injected.length),
    wrong: found.filter((one) => !one.injected).map(({ id }) => id),
    missed: injected.filter((one) => !found.includes(one)).map(({ id }) => id),
  };
}
