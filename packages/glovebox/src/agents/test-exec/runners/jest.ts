import type { RunnerAdapter } from "./adapter.ts";
import { chosen, readJestLike, withoutUnasked } from "./jest-like.ts";

const PROGRAMS = ["jest_setup.cjs", "line_collector.cjs"] as const;

export const jest: RunnerAdapter = {
  coverage: ["total", "per_test"],
  programs: PROGRAMS.map((name) => `test-exec/inside/${name}`),
  noTests: [],
  argv: ({ results, inside, only, coverage, testTimeoutMs }) => {
    const { files, pattern } = chosen(only);
    return [
      ...["node", "node_modules/jest/bin/jest.js", "--ci", "--runInBand", "--json", `--outputFile=${results}`],
      ...(pattern === undefined ? [] : ["-t", pattern]),
      ...(testTimeoutMs === undefined ? [] : [`--testTimeout=${testTimeoutMs}`]),
      ...(coverage === "total" ? ["--coverage", "--coverageReporters=none"] : ["--coverage=false"]),
      ...(coverage === "per_test" ? ["--setupFilesAfterEnv", `${inside}/jest_setup.cjs`] : []),
      ...(files.length === 0 ? [] : ["--runTestsByPath", ...files]),
    ];
  },
  env: ({ root, lines, coverage }) => (coverage === "per_test" ? { GLOVEBOX_ROOT: root, GLOVEBOX_LINES: lines } : {}),
  read: (file, _result, task, lines) => withoutUnasked(readJestLike(file, task, lines), task.only),
};
