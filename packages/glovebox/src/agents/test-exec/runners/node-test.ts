import { readResults } from "../results-file.ts";
import type { RunnerAdapter } from "./adapter.ts";

export const nodeTest: RunnerAdapter = {
  coverage: ["total", "per_test"],
  programs: ["node_tests.mjs", "node_reporter.mjs", "node_collector.mjs"].map((name) => `test-exec/inside/${name}`),
  noTests: [5],
  argv: ({ root, results, inside, only, coverage, testTimeoutMs }) => {
    const late = testTimeoutMs !== undefined && { testTimeoutMs };
    return ["node", `${inside}/node_tests.mjs`, JSON.stringify({ root, results, only, coverage, ...late })];
  },
  read: (file, { timedOut }) => readResults(file, timedOut),
};
