import type { RunResult } from "../../workbench/repository-bench.ts";
import type { Results } from "../results-file.ts";
import type { CoverageKind, LinesByPath, TestCase } from "../test-report.ts";

/** What tests are run with. Paths are those in the sandbox. */
export interface RunnerTask {
  /** The copy of the repository that they run in. */
  readonly root: string;
  /** Where the runner is to leave what came of them. */
  readonly results: string;
  /** Where programs of ours say which lines each test ran, for runners that write `results` as a whole. */
  readonly lines: string;
  /** With programs of ours. */
  readonly inside: string;
  /** Ids of tests `file::name`, and files; empty: all. */
  readonly only: readonly string[];
  readonly coverage: CoverageKind;
  /** Of one test, milliseconds. */
  readonly testTimeoutMs: number | undefined;
}

/** What a runner said, as far as it came. */
export interface Heard {
  readonly tests: readonly TestCase[];
  readonly isDone: boolean;
  readonly coverage?: Results["coverage"];
  readonly perTest?: ReadonlyMap<string, LinesByPath>;
  readonly imported?: LinesByPath;
}

/** How one runner is called and understood. */
export interface RunnerAdapter {
  /** What it can tell besides `none`. */
  readonly coverage: readonly CoverageKind[];
  /** Programs of ours that it needs, see `putInside`. */
  readonly programs: readonly string[];
  /** Exit codes that say that there are no tests. */
  readonly noTests: readonly number[];
  argv(task: RunnerTask): readonly string[];
  /** Besides those that all runners have. Default: none. */
  env?(task: RunnerTask): Readonly<Record<string, string>>;
  /** `file`: what it left in `results`, empty when there is nothing; `lines` likewise. */
  read(file: string, result: RunResult, task: RunnerTask, lines: string): Heard;
}
