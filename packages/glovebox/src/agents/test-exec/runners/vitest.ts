import type { RunnerAdapter, RunnerTask } from "./adapter.ts";
import { chosen, readJestLike, withoutUnasked } from "./jest-like.ts";

const PROGRAMS = ["vitest_tests.mjs", "vitest_setup.mjs", "line_collector.cjs"] as const;

export const vitest: RunnerAdapter = {
  coverage: ["total", "per_test"],
  programs: PROGRAMS.map((name) => `test-exec/inside/${name}`),
  noTests: [],
  argv: (task) => (task.coverage === "per_test" ? byProgram(task) : byCommand(task)),
  read: (file, _result, task, lines) => withoutUnasked(readJestLike(file, task, lines), task.only),
};

function byCommand({ results, only, coverage, testTimeoutMs }: RunnerTask): readonly string[] {
  const { files, pattern } = chosen(only);
  return [
    ...["node", "node_modules/vitest/vitest.mjs", "run", ...files],
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${results}`],
    ...["--no-file-parallelism", "--retry=0", "--passWithNoTests=false"],
    ...(pattern === undefined ? [] : ["-t", pattern]),
    ...(testTimeoutMs === undefined ? [] : [`--testTimeout=${testTimeoutMs}`]),
    ...(coverage === "none" ? ["--coverage.enabled=false"] : ["--coverage.enabled=true", "--coverage.reporter=json"]),
  ];
}

/** The same, with a set-up of ours: V8 itself tells the lines, so the repository needs none of vitest's packages for coverage. */
function byProgram({ results, lines, inside, only, testTimeoutMs }: RunnerTask): readonly string[] {
  const { files, pattern } = chosen(only);
  const options = {
    ...{ run: true, watch: false, reporters: ["default", "json"], outputFile: { json: results } },
    ...{ fileParallelism: false, retry: 0, passWithNoTests: false, coverage: { enabled: false } },
    ...(pattern !== undefined && { testNamePattern: pattern }),
    ...(testTimeoutMs !== undefined && { testTimeout: testTimeoutMs }),
  };
  return ["node", `${inside}/vitest_tests.mjs`, JSON.stringify({ files, options, lines })];
}
