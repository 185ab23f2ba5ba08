import { isGloveboxError } from "../../core/index.ts";
import type { AgentHost } from "../agent.ts";
import { languageOf } from "../code/code-file.ts";
import { runTests } from "../test-exec/run-tests.ts";
import { failuresOf, type TestReport } from "../test-exec/test-report.ts";
import { hashOf } from "../workbench/make-diff.ts";
import type { Workbench } from "../workbench/workbench.ts";
import type { Failure } from "./failures/failure.ts";
import { parseFailure } from "./failures/parse-failure.ts";
import type { LineFacts } from "./localise/line-facts.ts";
import { localise } from "./localise/localise.ts";
import { ochiai } from "./localise/ochiai.ts";
import type { Suspect } from "./localise/suspect.ts";
import type { DebugPayload } from "./payload.ts";
import { isTestFile } from "./test-files.ts";

/** What is wrong, as far as running the tests tells. */
export interface Diagnosis {
  readonly report: TestReport;
  readonly failing: readonly string[];
  readonly passing: readonly string[];
  /** Those that fail, and were not asked about. */
  readonly others: readonly string[];
  readonly failures: readonly Failure[];
  readonly suspects: readonly Suspect[];
  /** Files of the suspects that may be changed, by path, and their hashes. */
  readonly sources: Readonly<Record<string, string>>;
  readonly hashes: Readonly<Record<string, string>>;
}

/** Files that are looked into, the most suspicious ones. */
const MAX_FILES = 30;
/** Of all of them together; none has more than a MiB. */
const MAX_BYTES = 2 << 20;
const MAX_FILE_BYTES = 1 << 20;

/** Runs the tests, reads their failures, and ranks the lines that may be at fault. Steps: `tests`, `files`, `sources`, `suspects`. */
export async function diagnose(
  { run, code }: Pick<AgentHost, "run" | "code">,
  bench: Workbench,
  payload: DebugPayload,
): Promise<Diagnosis> {
  const report = await reportWithCoverage(bench, payload);
  const wanted = payload.tests === undefined ? undefined : new Set(payload.tests);
  const all = failuresOf(report);
  const failed = all.filter(({ id }) => wanted?.has(id) ?? true);
  const failing = failed.map(({ id }) => id);
  const others = all.map(({ id }) => id).filter((id) => !failing.includes(id));
  const passing = report.tests.filter(({ status }) => status === "passed").map(({ id }) => id);
  const tests = new Set(report.tests.flatMap(({ file }) => (file === undefined ? [] : [file])));
  const isTest = (path: string) => isTestFile(path, tests);
  const failures = failed.map((test) => parseFailure(test, { root: bench.root, isTest }));
  const known = { report, failing, passing, others, failures };
  if (failing.length === 0) return { ...known, suspects: [], sources: {}, hashes: {} };
  const sizes = new Map((await bench.tree("files")).files.map(({ path, size }) => [path, size]));
  const mayChange = (path: string) => languageOf(path) !== undefined && !isTest(path);
  const sources = await bench.read(
    "sources",
    within(pathsOf(report, failing, passing, failures).filter(mayChange), sizes),
  );
  const hashes = Object.fromEntries(Object.entries(sources).map(([path, text]) => [path, hashOf(text)]));
  const suspects = await run.step("suspects", { hashes, failing }, async (_input, { signal }) => {
    const facts: Record<string, readonly LineFacts[]> = {};
    for (const [path, text] of Object.entries(sources))
      facts[path] = await code.call("lineFacts", { path, text }, { signal });
    return localise({
      perTest: report.perTest ?? {},
      imported: report.imported ?? {},
      failing,
      passing,
      failures,
      facts,
    });
  });
  return { ...known, suspects, sources, hashes };
}

/** Per test where the runner can; otherwise what failures name has to do. */
async function reportWithCoverage(
  bench: Workbench,
  { runner, timeoutMs, testTimeoutMs }: DebugPayload,
): Promise<TestReport> {
  const options = { ...(runner !== undefined && { runner }), timeoutMs, testTimeoutMs };
  try {
    return await runTests(bench, "tests", { ...options, coverage: "per_test" });
  } catch (error) {
    if (!isGloveboxError(error, "invalid_argument") || error.details?.path !== "coverage") throw error;
    return runTests(bench, "tests without coverage", options);
  }
}

/** The most suspicious file first. */
function pathsOf(
  report: TestReport,
  failing: readonly string[],
  passing: readonly string[],
  failures: readonly Failure[],
): readonly string[] {
  const spectra = ochiai(report.perTest ?? {}, new Set(failing), new Set(passing));
  const byScore = [...spectra]
    .map(([path, lines]) => ({ path, score: Math.max(...[...lines.values()].map(({ score }) => score)) }))
    .sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
  const named = failures.flatMap(({ frames }) => frames.map(({ path }) => path));
  const loaded = Object.keys(report.imported ?? {}).sort();
  return [...new Set([...byScore.map(({ path }) => path), ...named, ...loaded])];
}

/** Paths of files that are there, as many as may be read. */
function within(paths: readonly string[], sizes: ReadonlyMap<string, number>): readonly string[] {
  let left = MAX_BYTES;
  const chosen = paths.filter((path) => {
    const size = sizes.get(path);
    if (size === undefined || size > Math.min(left, MAX_FILE_BYTES)) return false;
    left -= size;
    return true;
  });
  return chosen.slice(0, MAX_FILES);
}
