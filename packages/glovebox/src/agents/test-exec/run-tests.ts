import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import { putInside } from "../inside.ts";
import { listFiles } from "../workbench/list-files.ts";
import type { RepositoryBench, RunResult } from "../workbench/repository-bench.ts";
import type { Workbench } from "../workbench/workbench.ts";
import { type DetectedRunner, detectRunner, MANIFESTS, tellingTests } from "./detect-runner.ts";
import type { Heard, RunnerAdapter } from "./runners/adapter.ts";
import { cargo } from "./runners/cargo.ts";
import { go } from "./runners/go.ts";
import { jest } from "./runners/jest.ts";
import { mocha } from "./runners/mocha.ts";
import { nodeTest } from "./runners/node-test.ts";
import { pytest, unittest } from "./runners/python.ts";
import { vitest } from "./runners/vitest.ts";
import { steady, steadyOutput } from "./steady-text.ts";
import { byId, type CoverageKind, failuresOf, REPORT_LIMITS, type Runner, type TestReport } from "./test-report.ts";
import { runInTrial, TRIAL_ROOT, takeResults } from "./trial.ts";

export interface RunTestsOptions {
  /** Default: the one that the repository's files tell. */
  readonly runner?: Runner;
  /** Ids of tests and files; default: all tests. */
  readonly only?: readonly string[];
  /** Default `none`. mocha, cargo and go know none, and vitest and jest `total` only where the repository has what they measure it by. */
  readonly coverage?: CoverageKind;
  /** Of all together, milliseconds; default 300,000. */
  readonly timeoutMs?: number;
  /** Of one test, milliseconds; those after it still run, with node:test those of other files. Default: none of its own. */
  readonly testTimeoutMs?: number;
  /** How often tests that failed run again, to show those that pass then; default 0, at most 10. */
  readonly reruns?: number;
  /** Texts by path, put over the repository's files for this run alone: a change that is tried. */
  readonly overlay?: Readonly<Record<string, string>>;
}

const ADAPTERS: Readonly<Record<Runner, RunnerAdapter>> = {
  "node:test": nodeTest,
  vitest,
  jest,
  mocha,
  pytest,
  unittest,
  cargo,
  go,
};

const DEFAULT_TIMEOUT_MS = 300_000;
const MAX_RERUNS = 10;
/** As GNU timeout has it. */
const TIMED_OUT = 124;
/** Runs the repository's tests, as one step of that name. Errors: as {@link runTestsIn}. */
export function runTests(bench: Workbench, name: string, options: RunTestsOptions = {}): Promise<TestReport> {
  const { include } = bench.base;
  return bench.work(name, { ...options }, (_input, inside) => runTestsIn(inside, { ...options, include }));
}

/**
 * Runs the repository's tests within a step's work, in a copy of it. Tests that fail, hang or crash are a report. Errors: `invalid_argument` when nothing tells the
 * runner, when it is not there, or when it cannot tell the coverage that is asked for.
 */
export async function runTestsIn(
  bench: RepositoryBench,
  { include = [], ...options }: RunTestsOptions & { readonly include?: readonly string[] },
): Promise<TestReport> {
  const runner = options.runner ?? (await detectIn(bench, include)).runner;
  const adapter = ADAPTERS[runner];
  const { only = [], coverage = "none", reruns = 0 } = options;
  if (coverage !== "none" && !adapter.coverage.includes(coverage)) {
    throw invalid(`${runner} cannot tell coverage '${coverage}'`, "coverage");
  }
  if (!Number.isInteger(reruns) || reruns < 0 || reruns > MAX_RERUNS) throw invalid("reruns are 0 to 10", "reruns");
  const first = await runOnce(bench, { runner, include, options: { ...options, only } });
  const flaky = new Set<string>();
  for (let round = 0; round < reruns; round += 1) {
    const failed = failuresOf(first).filter(({ id }) => !flaky.has(id) && !id.endsWith("::import"));
    if (failed.length === 0) break;
    const again = { ...options, only: failed.map(({ id }) => id), coverage: "none" as const };
    const { tests } = await runOnce(bench, { runner, include, options: again });
    for (const { id, status } of tests) if (status === "passed" && failed.some((one) => one.id === id)) flaky.add(id);
  }
  return { ...first, flaky: [...flaky].sort() };
}

/** Which runner a repository has. `invalid_argument` when nothing tells. */
export async function detectIn(bench: RepositoryBench, include: readonly string[] = []): Promise<DetectedRunner> {
  const files = await listFiles(bench, include);
  const paths = new Set(files.map(({ path }) => path));
  const wanted = [...MANIFESTS.filter((path) => paths.has(path)), ...tellingTests({ files })];
  const texts: (readonly [string, string])[] = [];
  for (const path of wanted) {
    try {
      texts.push([path, await bench.readFile(path)]);
    } catch (error) {
      // One that is too large, or no text, tells nothing.
      if (!isGloveboxError(error) || bench.signal.aborted) throw error;
    }
  }
  const detected = detectRunner({ files }, Object.fromEntries(texts));
  if (detected !== undefined) return detected;
  throw invalid("nothing in the repository says how its tests are run; `runner` says it", "runner");
}

interface Round {
  readonly runner: Runner;
  readonly include: readonly string[];
  readonly options: RunTestsOptions;
}

async function runOnce(bench: RepositoryBench, { runner, include, options }: Round): Promise<TestReport> {
  const adapter = ADAPTERS[runner];
  const { only = [], coverage = "none", timeoutMs = DEFAULT_TIMEOUT_MS, testTimeoutMs, overlay = {} } = options;
  const results = bench.scratch("results");
  const inside = await putInside(bench, adapter.programs);
  const lines = bench.scratch("lines");
  const task = { root: TRIAL_ROOT, results, lines, inside, only, coverage, testTimeoutMs };
  const result = await runInTrial(bench, adapter.argv(task), {
    include,
    overlay,
    timeoutMs,
    maxChars: 2 * REPORT_LIMITS.outputChars,
    env: { CI: "1", NO_COLOR: "1", ...adapter.env?.(task) },
  });
  const said = coverage === "per_test" ? await takeResults(bench, lines) : "";
  const heard = adapter.read(await takeResults(bench, results), result, task, said);
  checkStarted(runner, result, heard);
  return reportOf({ runner, result, heard, coverage });
}

/** A runner that is not there is no crash of the tests. */
function checkStarted(runner: Runner, { exitCode, stderr }: RunResult, heard: Heard): void {
  if (heard.tests.length > 0 || heard.isDone) return;
  const isMissing =
    exitCode === 127 ||
    (runner === "pytest" && /No module named '?pytest\b/.test(stderr)) ||
    (exitCode === 1 &&
      /Cannot find module '(?:[^']*\/node_modules\/(?:vitest|jest|mocha)\/|vitest\/node')/.test(stderr));
  if (isMissing)
    throw invalid(
      `${runner} is not in the sandbox: bring its folder along with \`include\`, or take another template`,
      "runner",
    );
}

function reportOf({
  runner,
  result,
  heard,
  coverage,
}: {
  readonly runner: Runner;
  readonly result: RunResult;
  readonly heard: Heard;
  readonly coverage: CoverageKind;
}): TestReport {
  const roots = [TRIAL_ROOT];
  const plain = (text: string) => steady(text, roots);
  const tests = heard.tests.map(({ message, stack, ...test }) => ({
    ...test,
    ...(message !== undefined && { message: plain(message) }),
    ...(stack !== undefined && { stack: plain(stack) }),
  }));
  const { exitCode } = result;
  const output = steadyOutput(`${result.stdout}${result.stderr}`, roots).slice(-REPORT_LIMITS.outputChars);
  return {
    runner,
    status: statusOf(runner, result, heard),
    ...(exitCode !== undefined && { exitCode }),
    tests: tests.sort(byId),
    output,
    ...(coverage !== "none" && {
      coverage: Object.fromEntries([...(heard.coverage ?? [])].sort(byKey)) as NonNullable<TestReport["coverage"]>,
    }),
    ...(coverage === "per_test" && {
      perTest: Object.fromEntries([...(heard.perTest ?? [])].sort(byKey)) as NonNullable<TestReport["perTest"]>,
      imported: (heard.imported ?? {}) as NonNullable<TestReport["imported"]>,
    }),
    flaky: [],
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function statusOf(runner: Runner, { timedOut, exitCode }: RunResult, heard: Heard): TestReport["status"] {
  if (timedOut || exitCode === TIMED_OUT) return "timeout";
  const { tests, isDone } = heard;
  if (tests.length === 0 && isDone && (exitCode === 0 || ADAPTERS[runner].noTests.includes(exitCode ?? -1)))
    return "no_tests";
  if (failuresOf(heard).length > 0) return isDone ? "failed" : "crashed";
  if (!isDone) return "crashed";
  if (tests.length === 0) return exitCode === 1 ? "no_tests" : "crashed";
  // Something besides the tests failed: a hook at the end, a threshold of coverage.
  return exitCode === 0 ? "passed" : "failed";
}

function invalid(message: string, path: string): GloveboxError {
  return new GloveboxError("invalid_argument", message, { details: { path } });
}
