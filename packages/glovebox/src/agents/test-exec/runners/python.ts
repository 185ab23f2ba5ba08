import { readResults } from "../results-file.ts";
import type { RunnerAdapter } from "./adapter.ts";

const PROGRAM = "test-exec/inside/python_tests.py";

function pythonAdapter(runner: "unittest" | "pytest"): RunnerAdapter {
  return {
    coverage: ["total", "per_test"],
    programs: [PROGRAM],
    noTests: [5],
    argv: ({ root, results, inside, only, coverage, testTimeoutMs }) => {
      const config = { runner, root, results, only, coverage, ...(testTimeoutMs !== undefined && { testTimeoutMs }) };
      return ["python3", "-B", `${inside}/python_tests.py`, JSON.stringify(config)];
    },
    read: (file, { timedOut }) => readResults(file, timedOut),
  };
}

export const unittest = pythonAdapter("unittest");
export const pytest = pythonAdapter("pytest");
