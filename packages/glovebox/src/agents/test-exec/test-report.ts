import { z } from "zod";
import { TestStatus } from "../messages/artifact.ts";
import { isRepositoryPath } from "../workbench/repository-tree.ts";

export const RUNNERS = ["node:test", "vitest", "jest", "mocha", "pytest", "unittest", "cargo", "go"] as const;
export const Runner = z.enum(RUNNERS);
export type Runner = z.infer<typeof Runner>;

/** What may be asked of a run's coverage: nothing, all tests together, or each for itself as well. */
export const CoverageKind = z.enum(["none", "total", "per_test"]);
export type CoverageKind = z.infer<typeof CoverageKind>;

export const REPORT_LIMITS = {
  /** Tests of a report; more are an error. */
  tests: 20_000,
  idChars: 1_000,
  messageChars: 4_000,
  stackChars: 16_000,
  /** Of the runner's output, the last ones. */
  outputChars: 32_768,
  /** What a runner may leave in its file, bytes. */
  fileBytes: 32 << 20,
} as const;

const Path = z.string().refine(isRepositoryPath, "no path of a repository");
const Lines = z.array(z.number().int().min(1).max(10_000_000)).max(200_000);
export const LinesByPath = z.record(Path, Lines);
export type LinesByPath = Readonly<Record<string, readonly number[]>>;

export const TestId = z.string().min(1).max(REPORT_LIMITS.idChars);

export const TestCase = z.strictObject({
  /** `file::name`, unique in its report. */
  id: TestId,
  file: Path.optional(),
  name: z.string().max(REPORT_LIMITS.idChars),
  status: TestStatus,
  message: z.string().max(REPORT_LIMITS.messageChars).optional(),
  /** As the language has it; files of the repository are named from its root. */
  stack: z.string().max(REPORT_LIMITS.stackChars).optional(),
});
export type TestCase = z.infer<typeof TestCase>;

/** What came of a run of tests. The same repository gives the same report: there are no durations, addresses or temporary names in it. */
export const TestReport = z.strictObject({
  runner: Runner,
  /** `timeout`: it was ended before its end, and what ran until then is told. `crashed`: it ended without having told all. */
  status: z.enum(["passed", "failed", "timeout", "crashed", "no_tests"]),
  /** Of the runner; absent when a signal ended it. */
  exitCode: z.number().int().optional(),
  /** By id. */
  tests: z.array(TestCase).max(REPORT_LIMITS.tests),
  output: z.string().max(REPORT_LIMITS.outputChars),
  /** Lines that have code, and those of them that ran, by path. */
  coverage: z.record(Path, z.strictObject({ covered: Lines, executable: Lines })).optional(),
  /** Lines that a test ran, by its id. */
  perTest: z.record(TestId, LinesByPath).optional(),
  /** With `perTest`: lines that ran outside of any test, while modules were loaded. */
  imported: LinesByPath.optional(),
  /** Ids of tests that failed, and then passed when they ran again. */
  flaky: z.array(TestId),
});
export type TestReport = z.infer<typeof TestReport>;

/** Those that did not pass, and were not skipped. */
export function failuresOf({ tests }: { readonly tests: readonly TestCase[] }): readonly TestCase[] {
  return tests.filter(({ status }) => status !== "passed" && status !== "skipped");
}

/** The order of tests in a report. */
export function byId(a: Pick<TestCase, "id">, b: Pick<TestCase, "id">): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
