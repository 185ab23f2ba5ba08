import type { CodeLanguage } from "../code/code-file.ts";
import type { OutlinedFunction } from "../code/outline/types.ts";
import { casesOf, guessesOf, knownParam } from "./inputs.ts";
import type { Call, Observed, Outcome } from "./observe.ts";
import type { PlainValue } from "./plain-value.ts";

export interface KnownCase {
  readonly args: readonly PlainValue[];
  readonly outcome: Extract<Outcome, { kind: "value" | "raised" }>;
}

/** What is to be tested of one function. */
export interface FunctionPlan {
  readonly name: string;
  readonly isAsync: boolean;
  /** What it gave, twice the same. */
  readonly cases: readonly KnownCase[];
  /** What its parameters take; absent when it is not known, or when it is no pure function as far as was seen. */
  readonly property?: { readonly kinds: readonly string[]; readonly types: readonly string[] };
}

export interface Crash {
  readonly name: string;
  readonly line: number;
  readonly args: readonly PlainValue[];
  readonly error: string;
}

/** Errors that nobody throws on purpose. */
const CRASHES: Readonly<Record<"python" | "javascript", RegExp>> = {
  python:
    /^(ZeroDivisionError|IndexError|KeyError|AttributeError|RecursionError|UnboundLocalError|NameError|TypeError|OverflowError|MemoryError|SystemExit|AssertionError)$/,
  javascript: /^(TypeError|ReferenceError|SyntaxError)$/,
};
const MAX_CASES = 8;

interface Tried {
  readonly fn: OutlinedFunction;
  readonly args: readonly PlainValue[];
  /** 0: by what its types say; from 1: a guess, of which the first that always works counts. */
  readonly guess: number;
}

/** Which calls are to be tried of the public functions of a file. */
export function callsOf(functions: readonly OutlinedFunction[], language: CodeLanguage): readonly Tried[] {
  return functions.flatMap((fn): readonly Tried[] => {
    const known = casesOf(fn, language);
    if (known !== undefined) return known.map((args) => ({ fn, args, guess: 0 }));
    return guessesOf(fn, language).flatMap((cases, at) => cases.map((args) => ({ fn, args, guess: at + 1 })));
  });
}

export function toCalls(tried: readonly Tried[]): readonly Call[] {
  return tried.map(({ fn, args }) => ({ name: fn.name, args }));
}

/** What two observations of the same calls say: values that are the same both times become expectations, crashes of well-typed calls are told. */
export function planOf(
  tried: readonly Tried[],
  [first, second]: readonly [Observed, Observed],
  language: CodeLanguage,
): { readonly plans: readonly FunctionPlan[]; readonly crashes: readonly Crash[] } {
  const crashes: Crash[] = [];
  const plans: FunctionPlan[] = [];
  const family = language === "python" ? "python" : "javascript";
  for (const fn of new Set(tried.map((one) => one.fn))) {
    const rows = tried.flatMap((one, at) => {
      const [a, b] = [first.calls[at], second.calls[at]];
      return one.fn === fn && a !== undefined && b !== undefined
        ? [{ ...one, outcome: a, isSame: JSON.stringify(a) === JSON.stringify(b) }]
        : [];
    });
    const crashed = (outcome: Outcome) =>
      outcome.kind === "late" || (outcome.kind === "raised" && CRASHES[family].test(outcome.error));
    const guesses = [...new Set(rows.map(({ guess }) => guess))];
    const works = (guess: number) => rows.every((row) => row.guess !== guess || row.outcome.kind === "value");
    const chosen = guesses.find((guess) => guess === 0 || works(guess));
    const mine = rows.filter(({ guess }) => guess === chosen);
    const bad = mine.find(({ outcome }) => crashed(outcome));
    if (bad !== undefined) crashes.push({ name: fn.name, line: fn.line, args: bad.args, error: errorOf(bad.outcome) });
    const cases = mine.flatMap(({ args, outcome, isSame }): readonly KnownCase[] =>
      isSame && !crashed(outcome) && (outcome.kind === "value" || outcome.kind === "raised") ? [{ args, outcome }] : [],
    );
    const isPure =
      mine.length > 0 && mine.every(({ isSame, outcome }) => isSame && (outcome.kind !== "value" || outcome.kept));
    const property = isPure && bad === undefined && !fn.async ? propertyOf(fn, cases, language) : undefined;
    plans.push({ name: fn.name, isAsync: fn.async, cases: cases.slice(0, MAX_CASES), ...(property && { property }) });
  }
  return { plans, crashes };
}

function errorOf(outcome: Outcome): string {
  if (outcome.kind === "raised") return outcome.message === "" ? outcome.error : `${outcome.error}: ${outcome.message}`;
  return "no answer within a second";
}

function propertyOf(
  fn: OutlinedFunction,
  cases: readonly KnownCase[],
  language: CodeLanguage,
): FunctionPlan["property"] {
  const count = cases[0]?.args.length ?? 0;
  const kinds = fn.params.slice(0, count).map((param) => knownParam(param, language)?.kind);
  if (count === 0 || kinds.some((kind) => kind === undefined)) return undefined;
  const types = [
    ...new Set(cases.flatMap(({ outcome }) => (outcome.kind === "value" ? [outcome.type] : []))),
  ].toSorted();
  return { kinds: kinds as string[], types };
}
