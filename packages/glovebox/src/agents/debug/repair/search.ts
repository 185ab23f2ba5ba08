import type { ProgramContext } from "../../../engine/index.ts";
import type { Runner } from "../../test-exec/test-report.ts";
import type { Workbench } from "../../workbench/workbench.ts";
import { areApart, type Change } from "../mutations/mutation.ts";
import { sizeOf } from "./size.ts";
import { basisOf, type Candidate, type Outcome, tryCandidates, verify } from "./trial.ts";

export interface SearchRequest {
  readonly runner: Runner;
  readonly failing: readonly string[];
  readonly passing: readonly string[];
  readonly hangs: boolean;
  readonly others: readonly string[];
  /** Texts by path of all files that changes are of, and their hashes. */
  readonly sources: Readonly<Record<string, string>>;
  readonly hashes: Readonly<Record<string, string>>;
  /** Best first. */
  readonly changes: readonly Change[];
  readonly budget: RepairBudget;
}

export interface RepairBudget {
  /** Candidates that are tried; default 600. */
  readonly candidates: number;
  /** Of what the run has used, counted from the search's beginning; looked at between rounds. Default 120. */
  readonly sandboxSeconds: number;
}

export interface SearchResult {
  /** Smallest first; the runner itself says that every test passes with it. Absent: none was found. */
  readonly repair?: Candidate;
  readonly tried: number;
  /** Changes that let some failing test pass, with how many: they say where to look. */
  readonly partial: readonly { readonly change: Change; readonly fixed: number; readonly broken: number }[];
  /** What a model proposed and may not be, one line each. */
  readonly refused?: readonly string[];
  /** Why there is none. */
  readonly ended: "repaired" | "candidates" | "sandboxSeconds" | "exhausted";
}

/** Candidates of one step: few at first, for most repairs are among the first. */
const ROUNDS = [32, 80, 200, 360] as const;
/** Of the budget, what is for single changes; the rest is for pairs. */
const SINGLES = 0.6;
/** Of changes that help a little, so many are gone on from. */
const BEAM = 3;
const PAIRS_EACH = 120;
/** How many that pass inside are shown to the runner itself. */
const MAX_VERIFIED = 4;

interface Tried {
  readonly candidate: Candidate;
  readonly outcome: Outcome;
}

/** Tries changes, best first, then pairs of them that begin with one that helped. The first round with a repair ends the search: its smallest wins. */
export async function search(run: ProgramContext, bench: Workbench, request: SearchRequest): Promise<SearchResult> {
  const search = new Search(run, bench, request);
  return search.run();
}

class Search {
  readonly #run: ProgramContext;
  readonly #bench: Workbench;
  readonly #request: SearchRequest;
  readonly #tried: Tried[] = [];
  #round = 0;
  #begun = 0;

  constructor(run: ProgramContext, bench: Workbench, request: SearchRequest) {
    this.#run = run;
    this.#bench = bench;
    this.#request = request;
  }

  async run(): Promise<SearchResult> {
    const { changes, budget } = this.#request;
    this.#begun = await this.#used();
    const singles = Math.min(changes.length, Math.ceil(budget.candidates * SINGLES));
    const rest = () => Math.max(0, budget.candidates - this.#tried.length);
    const found =
      (await this.#trySingles(0, singles)) ??
      (await this.#try(this.#pairs().slice(0, rest()))) ??
      (await this.#trySingles(singles, Math.min(changes.length, singles + rest())));
    return found ?? this.#end(rest() === 0 ? "candidates" : "exhausted");
  }

  async #trySingles(from: number, to: number): Promise<SearchResult | undefined> {
    let size = 0;
    for (let next = from; next < to; next += size) {
      size = Math.min(ROUNDS[Math.min(this.#round, ROUNDS.length - 1)] ?? to, to - next);
      const round = this.#request.changes.slice(next, next + size);
      const found = await this.#try(round.map((one) => [one]));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Tries candidates; a result when one repairs, or when the time is over. */
  async #try(candidates: readonly Candidate[]): Promise<SearchResult | undefined> {
    if (candidates.length === 0) return undefined;
    const seconds = this.#request.budget.sandboxSeconds - ((await this.#used()) - this.#begun);
    if (seconds <= 1) return this.#end("sandboxSeconds");
    this.#round += 1;
    const { failing } = this.#request;
    const asked = { ...basisOf(this.#request), candidates, timeoutMs: Math.round(seconds) * 1_000 };
    const outcomes = await tryCandidates(this.#bench, `try ${this.#round}`, asked);
    const round = candidates.map((candidate, at) => ({ candidate, outcome: outcomes[at] as Outcome }));
    this.#tried.push(...round.filter(({ outcome }) => outcome.how !== "skipped"));
    const passed = round.filter(
      ({ outcome }) => outcome.fixed === failing.length && outcome.broken === 0 && outcome.how === "ended",
    );
    const best = passed.map(({ candidate }) => candidate).sort((a, b) => this.#compare(a, b));
    for (const [at, candidate] of best.slice(0, MAX_VERIFIED).entries()) {
      if (await verify(this.#bench, `verify ${this.#round}.${at + 1}`, { ...asked, candidate }))
        return this.#end("repaired", candidate);
    }
    return undefined;
  }

  /** Lines that differ, then the score, then where and what. */
  #compare(a: Candidate, b: Candidate): number {
    const { sources } = this.#request;
    const [sizeA, sizeB] = [sizeOf(a, sources), sizeOf(b, sources)];
    if (sizeA !== sizeB) return sizeA - sizeB;
    if (scoreOf(a) !== scoreOf(b)) return scoreOf(b) - scoreOf(a);
    const key = (all: Candidate) =>
      all.map(({ path, start, text }) => `${path}:${String(start).padStart(9, "0")}:${text}`).join("\n");
    return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
  }

  /** The most promising single changes, each with others. */
  #pairs(): readonly Candidate[] {
    const helped = this.#tried.filter(({ outcome: { fixed, moved, how } }) => how === "ended" && fixed + moved > 0);
    const worth = ({ outcome: { fixed, broken, moved } }: Tried) => fixed * 4 - broken * 2 + moved;
    const beam = helped.sort((a, b) => worth(b) - worth(a) || this.#compare(a.candidate, b.candidate)).slice(0, BEAM);
    const each = beam.map(({ candidate: [first] }) =>
      first === undefined
        ? []
        : this.#request.changes
            .filter((other) => other !== first && areApart(first, other))
            .slice(0, PAIRS_EACH)
            .map((other) => [first, other]),
    );
    const seen = new Set<string>();
    return each.flat().filter((pair) => {
      const key = pair
        .map(({ path, start, end, text }) => `${path}:${start}:${end}:${text}`)
        .sort()
        .join("\n");
      return seen.has(key) ? false : seen.add(key);
    });
  }

  #end(ended: SearchResult["ended"], repair?: Candidate): SearchResult {
    const partial = this.#tried.flatMap(({ candidate, outcome }) => {
      const [change] = candidate;
      return change === undefined || candidate.length > 1 || outcome.fixed === 0
        ? []
        : [{ change, fixed: outcome.fixed, broken: outcome.broken }];
    });
    return { ended, tried: this.#tried.length, partial, ...(repair !== undefined && { repair }) };
  }

  async #used(): Promise<number> {
    return (await this.#run.budget()).used.sandboxSeconds;
  }
}

function scoreOf(candidate: Candidate): number {
  return candidate.reduce((product, { score }) => product * score, 1);
}
