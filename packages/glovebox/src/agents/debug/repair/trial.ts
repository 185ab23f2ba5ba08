import { z } from "zod";
import { GloveboxError } from "../../../core/index.ts";
import { putInside } from "../../inside.ts";
import { runTestsIn } from "../../test-exec/run-tests.ts";
import type { Runner } from "../../test-exec/test-report.ts";
import { hashOf } from "../../workbench/make-diff.ts";
import type { RepositoryBench } from "../../workbench/repository-bench.ts";
import type { Workbench } from "../../workbench/workbench.ts";
import { applyChanges, type Change } from "../mutations/mutation.ts";

/** Changes that are tried together. */
export type Candidate = readonly Change[];

/** What became of the tests with a candidate's changes. */
export interface Outcome {
  /** `skipped`: there was no time left for it. */
  readonly how: "ended" | "timeout" | "crashed" | "invalid" | "unloaded" | "skipped";
  /** Tests that failed and pass, and that passed and do not. */
  readonly fixed: number;
  readonly broken: number;
  /** Tests that still fail, with other words. */
  readonly moved: number;
}

export interface TrialRequest extends TrialBasis {
  readonly candidates: readonly Candidate[];
  /** Milliseconds for all of them. */
  readonly timeoutMs: number;
}

/** What the candidates of one repair have in common. */
export interface TrialBasis {
  readonly runner: Runner;
  /** Hashes of the files that are changed, by path: what was mutated is what is tried. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly failing: readonly string[];
  readonly passing: readonly string[];
  /** Some of the failing tests do not end. */
  readonly hangs: boolean;
  /** Tests that fail, and may go on failing. */
  readonly others: readonly string[];
}

/** That alone, out of what says more. */
export function basisOf({ runner, hashes, failing, passing, hangs, others }: TrialBasis): TrialBasis {
  return { runner, hashes, failing, passing, hangs, others };
}

/** Ends the ids of what is no test, but a file that cannot be loaded. */
const LOADING = "::import";
type Tested = { readonly id: string; readonly status: string };

const SKIPPED: Outcome = { how: "skipped", fixed: 0, broken: 0, moved: 0 };
const MAX_RESULT_BYTES = 8 << 20;
/** Candidates of runners that have to be started anew for each. */
const MAX_SLOW = 40;
const BOUNDS = { workers: 2, cpuSeconds: 0.15, wallSeconds: 20, memoryBytes: 512 << 20 } as const;

const INSIDE: Readonly<
  Partial<Record<Runner, { readonly argv: readonly string[]; readonly programs: readonly string[] }>>
> = {
  unittest: python(),
  pytest: python(),
  "node:test": {
    argv: ["node", "validate.mjs"],
    programs: ["validate.mjs", "validate_worker.mjs", "test_shim.mjs"].map((name) => `debug/inside/${name}`),
  },
};

function python() {
  return {
    argv: ["python3", "-B", "validate.py"],
    programs: ["debug/inside/validate.py", "test-exec/inside/python_tests.py"],
  };
}

/** What a program of ours leaves: not to be trusted, for what it runs can write there too. What passes is run by the runner itself afterwards. */
const Count = z.number().int().min(0).max(100_000);
const Line = z.union([
  z.strictObject({
    candidate: z.number().int().min(0),
    how: z.enum(["ended", "timeout", "crashed", "invalid", "unloaded"]),
    fixed: Count,
    broken: Count,
    moved: Count,
  }),
  z.strictObject({ slot: z.number().int().min(0), agrees: z.boolean() }),
]);

/** Tries candidates on the tests, as one step of that name: one outcome for each, in their order. The repository stays as it is. */
export function tryCandidates(bench: Workbench, name: string, request: TrialRequest): Promise<readonly Outcome[]> {
  const { include } = bench.base;
  return bench.work(name, { ...request }, (_given, inside) => tryIn(inside, request, include));
}

async function tryIn(
  bench: RepositoryBench,
  request: TrialRequest,
  include: readonly string[],
): Promise<readonly Outcome[]> {
  const sources = await readSources(bench, request.hashes);
  const many = INSIDE[request.runner];
  const outcomes = many === undefined ? undefined : await tryInside(bench, { request, sources, include, ...many });
  // Where our way of running tests and the runner's own disagree, the runner is asked each time.
  return outcomes ?? (await tryOneByOne(bench, { request, sources, include }));
}

interface Trial {
  readonly request: TrialRequest;
  readonly sources: Readonly<Record<string, string>>;
  readonly include: readonly string[];
}

async function tryInside(
  bench: RepositoryBench,
  {
    request,
    sources,
    include,
    argv,
    programs,
  }: Trial & { readonly argv: readonly string[]; readonly programs: readonly string[] },
): Promise<readonly Outcome[] | undefined> {
  const inside = await putInside(bench, programs);
  const work = bench.scratch("candidates");
  const results = `${work}/results.jsonl`;
  const { runner, failing, passing, hangs, timeoutMs } = request;
  const candidates = request.candidates.map((all) => all.map(({ path, start, end, text }) => [path, start, end, text]));
  const job = {
    ...BOUNDS,
    root: bench.root,
    inside,
    work,
    results,
    runner,
    failing,
    passing,
    hangs,
    sources,
    candidates,
    link: include,
  };
  await bench.writeFile(`${work}/job.json`, JSON.stringify(job));
  const [program = "", ...rest] = argv.map((part) => (/^validate\./.test(part) ? `${inside}/${part}` : part));
  await bench.run([program, ...rest, `${work}/job.json`], { timeoutMs, maxChars: 4_096 });
  const text = await readResults(bench, results);
  return outcomesOf(text, request.candidates.length);
}

async function readResults(bench: RepositoryBench, path: string): Promise<string> {
  return (await bench.readFileIfAny(path, MAX_RESULT_BYTES)) ?? "";
}

/** Undefined when a slot said that without changes its tests do not come out as the runner's. */
function outcomesOf(text: string, count: number): readonly Outcome[] | undefined {
  const outcomes: Outcome[] = Array.from({ length: count }, () => SKIPPED);
  for (const line of text.split("\n")) {
    const read = line === "" ? undefined : Line.safeParse(jsonOf(line)).data;
    if (read === undefined) continue;
    if ("slot" in read) {
      if (!read.agrees) return undefined;
      continue;
    }
    const { candidate, ...outcome } = read;
    if (candidate < count) outcomes[candidate] = outcome;
  }
  return outcomes.every(({ how }) => how === "unloaded") ? undefined : outcomes;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function tryOneByOne(bench: RepositoryBench, { request, sources, include }: Trial): Promise<readonly Outcome[]> {
  const { failing, passing, runner, candidates } = request;
  const outcomes: Outcome[] = candidates.map(() => SKIPPED);
  const until = performance.now() + request.timeoutMs;
  for (const [at, candidate] of candidates.slice(0, MAX_SLOW).entries()) {
    if (performance.now() > until) break;
    const timeoutMs = Math.max(10_000, request.timeoutMs / 10);
    const options = { runner, include, timeoutMs, overlay: overlayOf(sources, candidate) };
    const some = await runTestsIn(bench, { ...options, only: failing.map(runnable) });
    const fixed = passedOf(some.tests, failing);
    const all = fixed === 0 ? undefined : (await runTestsIn(bench, options)).tests;
    outcomes[at] = {
      how: "ended",
      fixed: all === undefined ? 0 : passedOf(all, failing),
      broken: all === undefined ? 0 : passing.length - passedOf(all, passing),
      moved: 0,
    };
  }
  return outcomes;
}

/** A file that could not be loaded has no test to ask for: it is asked for whole. */
function runnable(id: string): string {
  return id.endsWith(LOADING) ? id.slice(0, -LOADING.length) : id;
}

/** How many of these passed. That a file can be loaded shows in that it has tests, and no failure to load it. */
function passedOf(tests: readonly Tested[], ids: readonly string[]): number {
  const passed = new Set(tests.filter(({ status }) => status === "passed").map(({ id }) => id));
  const isLoaded = (id: string) => {
    const file = `${runnable(id)}::`;
    return tests.some((one) => one.id.startsWith(file)) && !tests.some((one) => one.id === id);
  };
  return ids.filter((id) => (id.endsWith(LOADING) ? isLoaded(id) : passed.has(id))).length;
}

/** Whether the runner itself says that a candidate repairs: every test that failed passes, and none that passed fails. A step of that name. */
export function verify(
  bench: Workbench,
  name: string,
  request: Omit<TrialRequest, "candidates"> & { readonly candidate: Candidate },
): Promise<boolean> {
  const { include } = bench.base;
  return bench.work(name, { ...request }, async (_given, inside) => {
    const { runner, failing, passing, candidate, timeoutMs } = request;
    const sources = await readSources(inside, request.hashes);
    const overlay = overlayOf(sources, candidate);
    const { tests, status } = await runTestsIn(inside, { runner, include, timeoutMs, overlay });
    const known = new Set(request.others);
    const isBroken = tests.some((one) => one.status !== "passed" && one.status !== "skipped" && !known.has(one.id));
    const isWhole = passedOf(tests, passing) === passing.length && passedOf(tests, failing) === failing.length;
    return isWhole && !isBroken && status !== "timeout" && status !== "crashed";
  });
}

function overlayOf(sources: Readonly<Record<string, string>>, candidate: Candidate): Readonly<Record<string, string>> {
  const paths = [...new Set(candidate.map(({ path }) => path))];
  const textOf = (path: string) =>
    applyChanges(
      sources[path] ?? "",
      candidate.filter((one) => one.path === path),
    );
  return Object.fromEntries(paths.map((path) => [path, textOf(path)]));
}

/** The files that are changed. `conflict` when they are others than those that the changes were made for. */
async function readSources(
  bench: RepositoryBench,
  hashes: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const sources: Record<string, string> = {};
  for (const [path, hash] of Object.entries(hashes)) {
    const text = await bench.readFile(path);
    if (hashOf(text) !== hash)
      throw new GloveboxError("conflict", `${path} has changed since it was read`, { details: { path } });
    sources[path] = text;
  }
  return sources;
}
