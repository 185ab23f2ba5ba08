import { z } from "zod";
import { testCase } from "../results-file.ts";
import { REPORT_LIMITS, type TestCase } from "../test-report.ts";
import type { Heard, RunnerAdapter, RunnerTask } from "./adapter.ts";
import { chosen, parseJson, unique, withoutUnasked } from "./jest-like.ts";

const Test = z.object({
  title: z.string(),
  fullTitle: z.string(),
  file: z.string().nullish(),
  err: z
    .object({
      message: z.string().optional(),
      stack: z.string().optional(),
      code: z.unknown(),
      name: z.string().optional(),
    })
    .partial(),
});

const Report = z.object({
  tests: z.array(Test).max(REPORT_LIMITS.tests),
  pending: z.array(z.object({ fullTitle: z.string() })).max(REPORT_LIMITS.tests),
  failures: z.array(Test).max(REPORT_LIMITS.tests),
});

/** Reads what mocha's reporter `json` writes. */
export function readMocha(text: string, { root }: Pick<RunnerTask, "root">): Heard {
  const report = parseJson(text, Report);
  if (report === undefined) return { tests: [], isDone: false };
  const pending = new Set(report.pending.map(({ fullTitle }) => fullTitle));
  const known = new Set(report.tests.map(({ fullTitle }) => fullTitle));
  // Hooks that failed are failures, and no tests.
  const all = [...report.tests, ...report.failures.filter(({ fullTitle }) => !known.has(fullTitle))];
  const tests = all.map(({ fullTitle, file, err }): TestCase => {
    const path = file == null ? "" : file.startsWith(`${root}/`) ? file.slice(root.length + 1) : file;
    const id = `${path}::${fullTitle}`.slice(0, REPORT_LIMITS.idChars);
    if (pending.has(fullTitle)) return testCase(id, "skipped");
    const { message, stack } = err;
    if (message === undefined && stack === undefined) return testCase(id, "passed");
    const isLate = err.code === "ERR_MOCHA_TIMEOUT";
    const isAssertion = err.code === "ERR_ASSERTION" || /^AssertionError/.test(err.name ?? stack ?? "");
    return testCase(id, isLate ? "timeout" : isAssertion ? "failed" : "error", { message, stack });
  });
  return { tests: unique(tests), isDone: true };
}

export const mocha: RunnerAdapter = {
  coverage: [],
  programs: [],
  noTests: [],
  argv: ({ results, only, testTimeoutMs }) => {
    const { files, pattern } = chosen(only);
    return [
      ...["node", "node_modules/mocha/bin/mocha.js", "--no-parallel", "--exit", "--reporter", "json"],
      ...["--reporter-option", `output=${results}`],
      ...(testTimeoutMs === undefined ? [] : ["--timeout", String(testTimeoutMs)]),
      ...(pattern === undefined ? [] : ["--grep", pattern]),
      ...files.flatMap((file) => ["--spec", file]),
    ];
  },
  read: (file, _result, task) => withoutUnasked(readMocha(file, task), task.only),
};
