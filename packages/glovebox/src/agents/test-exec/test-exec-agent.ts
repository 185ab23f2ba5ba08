import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost, TaskOf } from "../agent.ts";
import type { Artifact } from "../messages/artifact.ts";
import { LIMITS } from "../messages/limits.ts";
import { summary } from "../messages/make-message.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { runTests } from "./run-tests.ts";
import { CoverageKind, failuresOf, Runner, type TestCase, TestId, type TestReport } from "./test-report.ts";

export const TestExecPayload = z.strictObject({
  /** Default: the one that the repository's files tell. */
  runner: Runner.optional(),
  /** Ids of tests and files; default: all. */
  only: z.array(TestId).max(10_000).optional(),
  /** Default `none`. */
  coverage: CoverageKind.optional(),
  /** Of all together; default 300,000. The task's own limit holds as well. */
  timeoutMs: z.number().int().min(1).max(LIMITS.timeoutMs).optional(),
  /** Of one test; those after it still run, with node:test those of other files. Default: none. */
  testTimeoutMs: z.number().int().min(1).max(LIMITS.timeoutMs).optional(),
  /** How often tests that failed run again, to show those that pass then. Default 0. */
  reruns: z.number().int().min(0).max(10).optional(),
});
export type TestExecPayload = z.infer<typeof TestExecPayload>;

/** Tests as artifacts, at most; the rest is counted in the summary. */
const MAX_TESTS = LIMITS.artifacts - 10;
/** Of one test's log, and of all together, characters: a message holds them, however they are written. */
const MAX_LOG = 4_000;
const MAX_LOGS = 600_000;

/** Runs the repository's tests. Tests that fail are a result. */
export const testExecAgent: Agent<TestExecPayload> = {
  name: "test_exec",
  capabilities: ["test_exec"],
  description: "Finds how the repository is tested, runs its tests, and tells of each what came of it",
  payload: TestExecPayload,
  work: testExec,
};

async function testExec({ bench, run }: AgentHost, { payload }: TaskOf<TestExecPayload>): Promise<AgentOutcome> {
  if (bench === undefined) throw new GloveboxError("invalid_argument", "the agent test_exec needs a repository");
  const { runner, only, coverage, timeoutMs, testTimeoutMs, reruns } = payload;
  const report = await runTests(bench.within(run), "tests", {
    ...(runner !== undefined && { runner }),
    ...(only !== undefined && { only }),
    ...(coverage !== undefined && { coverage }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(testTimeoutMs !== undefined && { testTimeoutMs }),
    ...(reruns !== undefined && { reruns }),
  });
  return outcomeOf(report);
}

/** A report as a result: failures first, so that they are there when not all fit. */
export function outcomeOf(report: TestReport): AgentOutcome {
  const { runner, status, exitCode, tests, flaky } = report;
  const counts = countsOf(tests);
  const failed = new Set(failuresOf(report));
  const shown = [...failed, ...tests.filter((test) => !failed.has(test))].slice(0, MAX_TESTS);
  const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  const text = `${runner}: ${status}${told.length > 0 ? ` (${told.join(", ")})` : ""}`;
  const data = {
    runner,
    status,
    ...(exitCode !== undefined && { exitCode }),
    counts,
    flaky: flaky.slice(0, MAX_TESTS),
  };
  const artifacts = [
    ...shown.map((test) => testArtifact(test, Math.min(MAX_LOG, Math.floor(MAX_LOGS / shown.length)))),
    ...coverageArtifact(report),
    ...outputArtifact(report),
  ];
  return summary(text, { data, artifacts });
}

/** How many tests have each status that one has. */
function countsOf(tests: readonly TestCase[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of tests) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function testArtifact({ id, status, message, stack }: TestCase, maxLog: number): Artifact {
  const log = stack ?? message ?? "";
  return { kind: "test_result", name: id, status, log: log.slice(-maxLog) };
}

function coverageArtifact({ coverage }: TestReport): readonly Artifact[] {
  if (coverage === undefined) return [];
  const files = Object.entries(coverage)
    .slice(0, LIMITS.files)
    .map(([path, { covered, executable }]) => ({
      path,
      executable: executable.length,
      covered: covered.length,
      missed: rangesOf(executable, new Set(covered)),
    }));
  const all = files.reduce((sum, file) => sum + file.executable, 0);
  const ran = files.reduce((sum, file) => sum + file.covered, 0);
  return [{ kind: "coverage", files, lineRate: all === 0 ? 1 : ran / all }];
}

/** Lines that did not run, those that follow each other as one. */
function rangesOf(executable: readonly number[], covered: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  let isOpen = false;
  for (const line of executable) {
    const last = ranges.at(-1);
    if (covered.has(line)) isOpen = false;
    else if (isOpen && last !== undefined) last[1] = line;
    else {
      ranges.push([line, line]);
      isOpen = true;
    }
  }
  return ranges.slice(0, LIMITS.files);
}

function outputArtifact({ output, status }: TestReport): readonly Artifact[] {
  return output === "" || status === "passed" ? [] : [{ kind: "text", title: "output", text: output }];
}
