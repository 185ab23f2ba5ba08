import { z } from "zod";
import { readResults, testCase } from "../results-file.ts";
import { type LinesByPath, REPORT_LIMITS, type TestCase } from "../test-report.ts";
import type { Heard, RunnerTask } from "./adapter.ts";

/** What of the JSON that jest writes, and vitest after it, is used. */
const Report = z.object({
  testResults: z
    .array(
      z.object({
        name: z.string(),
        status: z.string(),
        message: z.string().nullish(),
        assertionResults: z
          .array(
            z.object({
              ancestorTitles: z.array(z.string()).max(100),
              title: z.string(),
              status: z.string(),
              failureMessages: z.array(z.string()).nullish(),
            }),
          )
          .max(REPORT_LIMITS.tests),
      }),
    )
    .max(REPORT_LIMITS.tests),
  /** Of istanbul, where coverage was asked for. */
  coverageMap: z.unknown().optional(),
});

const Statements = z.record(
  z.string(),
  z.object({
    statementMap: z.record(z.string(), z.object({ start: z.object({ line: z.number().int().min(1) }) })),
    s: z.record(z.string(), z.number()),
  }),
);

/**
 * Reads the report of jest or vitest, and `lines` of {@link RunnerTask.lines}, which names tests by their titles with spaces between: two that are the same so are not
 * told apart there.
 */
export function readJestLike(file: string, { root }: Pick<RunnerTask, "root">, lines = ""): Heard {
  const report = parseJson(file, Report);
  if (report === undefined) return { tests: [], isDone: false };
  const tests: TestCase[] = [];
  for (const { name, message, status, assertionResults } of report.testResults) {
    const path = name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name;
    for (const one of assertionResults) {
      const id = `${path}::${[...one.ancestorTitles.filter((title) => title !== ""), one.title].join(" > ")}`;
      const stack = one.failureMessages?.join("\n\n") ?? "";
      tests.push(
        testCase(id.slice(0, REPORT_LIMITS.idChars), statusOf(one.status, stack), {
          message: stack.split("\n    at ")[0],
          stack,
        }),
      );
    }
    if (assertionResults.length === 0 && status === "failed") {
      tests.push(testCase(`${path}::import`, "error", { message: message ?? undefined, stack: message ?? undefined }));
    }
  }
  const coverage = coverageOf(report.coverageMap, root);
  const told = unique(tests);
  return {
    tests: told,
    isDone: true,
    ...(coverage !== undefined && { coverage }),
    ...(lines !== "" && linesByTest(lines, told)),
  };
}

/** What {@link RunnerTask.lines} says, by the ids of the report. */
function linesByTest(lines: string, tests: readonly TestCase[]): Pick<Heard, "coverage" | "perTest" | "imported"> {
  const { coverage, perTest, imported } = readResults(lines, false);
  const ids = new Map(tests.map(({ id }) => [plainId(id), id]));
  const known = [...perTest].flatMap(([said, files]): [string, LinesByPath][] => {
    const id = ids.get(plainId(said));
    return id === undefined ? [] : [[id, files]];
  });
  return { coverage, perTest: new Map(known), imported };
}

function plainId(id: string): string {
  return id.replaceAll(" > ", " ").slice(0, REPORT_LIMITS.idChars);
}

function statusOf(status: string, stack: string): TestCase["status"] {
  if (status === "passed") return "passed";
  if (status !== "failed") return "skipped"; // pending, todo, disabled
  if (/timed out in \d+ ?ms|Exceeded timeout of \d+ ?ms/.test(stack)) return "timeout";
  return /^(?:AssertionError|Error: expect\(|JestAssertionError)/.test(stack) ? "failed" : "error";
}

function coverageOf(map: unknown, root: string): Heard["coverage"] {
  const read = Statements.safeParse(map).data;
  if (read === undefined) return undefined;
  const files = new Map<string, { covered: number[]; executable: number[] }>();
  for (const [name, { statementMap, s }] of Object.entries(read)) {
    if (!name.startsWith(`${root}/`)) continue;
    const executable = new Set<number>();
    const covered = new Set<number>();
    for (const [key, { start }] of Object.entries(statementMap)) {
      executable.add(start.line);
      if ((s[key] ?? 0) > 0) covered.add(start.line);
    }
    const inOrder = (lines: ReadonlySet<number>) => [...lines].sort((a, b) => a - b);
    files.set(name.slice(root.length + 1), { covered: inOrder(covered), executable: inOrder(executable) });
  }
  return files;
}

/** Two tests of one name are told apart. */
export function unique(tests: readonly TestCase[]): TestCase[] {
  const seen = new Map<string, number>();
  return tests.slice(0, REPORT_LIMITS.tests).map((test) => {
    const count = (seen.get(test.id) ?? 0) + 1;
    seen.set(test.id, count);
    return count === 1 ? test : { ...test, id: `${test.id.slice(0, REPORT_LIMITS.idChars - 8)}#${count}` };
  });
}

/** JSON of the right shape, else `undefined`. */
export function parseJson<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Between the names of suites and tests: some versions have an arrow there. */
const JOINT = " (?:> )?";

/** Files among `only`, and a pattern for the names of the tests among them, where there are nothing but tests. */
export function chosen(only: readonly string[]): { readonly files: readonly string[]; readonly pattern?: string } {
  const files = [...new Set(only.map((one) => one.split("::", 1)[0] ?? ""))].sort();
  const tests = only.filter((one) => one.includes("::"));
  if (tests.length === 0 || tests.length < only.length) return { files };
  const names = tests.map((id) =>
    id
      .slice(id.indexOf("::") + 2)
      .split(" > ")
      .map(escaped)
      .join(JOINT),
  );
  return { files, pattern: `^(?:${names.join("|")})$` };
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Tests of the same files that were not asked for are reported as skipped. */
export function withoutUnasked(heard: Heard, only: readonly string[]): Heard {
  if (only.length === 0) return heard;
  const asked = new Set(only);
  return {
    ...heard,
    tests: heard.tests.filter(
      ({ id, file }) => asked.has(id) || (file !== undefined && asked.has(file)) || id.endsWith("::import"),
    ),
  };
}
