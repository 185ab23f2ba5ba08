import type { Failure } from "../failures/failure.ts";
import { reasonsFor } from "./heuristics.ts";
import type { LineFacts } from "./line-facts.ts";
import { ochiai, type PerTest, type Spectrum } from "./ochiai.ts";
import { compareSuspects, type Suspect } from "./suspect.ts";

export interface LocaliseRequest {
  readonly perTest: PerTest;
  /** Lines that ran while modules were loaded. */
  readonly imported: Readonly<Record<string, readonly number[]>>;
  readonly failing: readonly string[];
  readonly passing: readonly string[];
  readonly failures: readonly Failure[];
  /** Files that may be at fault, with what can be seen of their lines: never tests. */
  readonly facts: Readonly<Record<string, readonly LineFacts[]>>;
  /** Default 100. */
  readonly limit?: number;
}

/** What ran before any test is held against those that use it, and a little less. */
const DECLARED = 0.9;
const SIGNATURE = 0.92;
/** A test that cannot even be imported ran what was loaded. */
const LOADED = 0.5;

/**
 * Lines by how likely they are what is wrong: Ochiai's coefficient of the tests that ran them, times what the failures and the code itself say. Constants, and defaults
 * of parameters, run before any test: they are as suspicious as the worst line that uses them. Ties: by path and line.
 */
export function localise({
  perTest,
  imported,
  failing,
  passing,
  failures,
  facts,
  limit = 100,
}: LocaliseRequest): readonly Suspect[] {
  const spectra = ochiai(perTest, new Set(failing), new Set(passing));
  const suspects: Suspect[] = [];
  for (const [path, lines] of Object.entries(facts)) {
    const ran = spectra.get(path) ?? new Map<number, Spectrum>();
    const loaded = new Set(imported[path] ?? []);
    for (const one of lines) {
      const suspect = suspectOf(path, one, { ran, loaded, failures });
      if (suspect !== undefined) suspects.push(suspect);
    }
  }
  return suspects.sort(compareSuspects).slice(0, limit);
}

interface Known {
  readonly ran: ReadonlyMap<number, Spectrum>;
  readonly loaded: ReadonlySet<number>;
  readonly failures: readonly Failure[];
}

function suspectOf(path: string, facts: LineFacts, { ran, loaded, failures }: Known): Suspect | undefined {
  const base = baseOf(facts, ran) ?? atFrame(path, facts, loaded, failures);
  if (base === undefined) return undefined;
  const reasons = reasonsFor(path, facts, failures);
  const score = reasons.reduce((product, { factor }) => product * factor, base.score);
  const why = [base.why, ...reasons.map(({ why: one }) => one)].filter((one) => one !== "");
  return { path, line: facts.line, score: Math.round(Math.min(1, score / 1.3) * 1e6) / 1e6, tests: base.failed, why };
}

interface Base {
  readonly score: number;
  readonly failed: number;
  readonly why: string;
}

function baseOf({ line, role, usedAt }: LineFacts, ran: ReadonlyMap<number, Spectrum>): Base | undefined {
  const own = role === "signature" || role === "declaration" ? undefined : ran.get(line);
  if (own !== undefined) return { ...own, why: `run by ${own.failed} failing and ${own.passed} passing tests` };
  if (role !== "declaration" && role !== "signature") return undefined;
  const users = usedAt.flatMap((at) => ran.get(at) ?? []).sort((a, b) => b.score - a.score);
  const worst = users[0];
  if (worst === undefined) return undefined;
  const isSignature = role === "signature";
  const why = isSignature ? "defaults of a suspicious function" : "used by suspicious lines";
  return { score: worst.score * (isSignature ? SIGNATURE : DECLARED), failed: worst.failed, why };
}

/** Where modules fail while they are loaded, no test ran anything: what their errors name. */
function atFrame(
  path: string,
  { line }: LineFacts,
  loaded: ReadonlySet<number>,
  failures: readonly Failure[],
): Base | undefined {
  const named = failures.filter(
    ({ kind, frames }) => kind !== "timeout" && frames.some((frame) => frame.path === path && frame.line === line),
  ).length;
  if (named > 0) return { score: LOADED * 1.5, failed: named, why: "named by an error" };
  return failures.some(({ kind }) => kind === "import") && loaded.has(line)
    ? { score: LOADED, failed: 0, why: "run while loading" }
    : undefined;
}
