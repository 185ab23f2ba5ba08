import { z } from "zod";
import type { AgentOutcome } from "../../messages/result.ts";
import type { FlowTests } from "../flow-result.ts";

const MAX_IDS = 100;

const TestData = z.object({
  runner: z.string(),
  status: z.enum(["passed", "failed", "timeout", "crashed", "no_tests"]),
  counts: z.record(z.string(), z.number()),
  flaky: z.array(z.string()),
});

/** What came of a run of tests. */
export interface TestsSeen {
  readonly tests: FlowTests;
  /** Ids of tests that fail whenever they run, with what they say. */
  readonly failing: readonly { readonly id: string; readonly log: string }[];
  /** Ids of tests that passed, the flaky ones too: as many as there were artifacts for. */
  readonly passing: readonly string[];
  /** Files that had tests in them. */
  readonly files: readonly string[];
  /** They all pass: those that only sometimes do count for nothing. */
  readonly areGreen: boolean;
}

/** Reads the answer of the agent `test_exec`. */
export function testsOf({ delta, artifacts }: AgentOutcome): TestsSeen {
  const data = TestData.parse(delta.kind === "summary" ? delta.data : undefined);
  const { runner, status, counts, flaky } = data;
  const isFlaky = new Set(flaky);
  const failed = artifacts.flatMap((artifact) =>
    artifact.kind === "test_result" && artifact.status !== "passed" && artifact.status !== "skipped"
      ? [{ id: artifact.name, log: artifact.log }]
      : [],
  );
  const failing = failed.filter(({ id }) => !isFlaky.has(id));
  const results = artifacts.filter((artifact) => artifact.kind === "test_result");
  const passing = results.filter(({ name, status: one }) => one === "passed" || isFlaky.has(name));
  const files = new Set(results.flatMap(({ name }) => (name.includes("::") ? [name.split("::", 1)[0] ?? ""] : [])));
  const onlyFlaky = status === "failed" && failed.length > 0 && failing.length === 0;
  const { passed = 0, skipped = 0, ...others } = counts;
  return {
    tests: {
      runner,
      status,
      passed,
      failed: Object.values(others).reduce((sum, count) => sum + count, 0),
      skipped,
      failing: failing.slice(0, MAX_IDS).map(({ id }) => id),
      flaky: flaky.slice(0, MAX_IDS),
    },
    failing,
    passing: passing.map(({ name }) => name),
    files: [...files],
    areGreen: status === "passed" || onlyFlaky,
  };
}
