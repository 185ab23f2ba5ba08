import { z } from "zod";
import { testCase } from "../results-file.ts";
import { REPORT_LIMITS, type TestCase } from "../test-report.ts";
import type { Heard, RunnerAdapter } from "./adapter.ts";
import { parseJson, unique } from "./jest-like.ts";

/** A line of `go test -json`, as `go doc test2json` has it. */
const Event = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
});

const STATUSES: Readonly<Record<string, TestCase["status"]>> = { pass: "passed", fail: "failed", skip: "skipped" };

/** Reads what `go test -json` prints. Ids name the package instead of a file: go does not tell the file. */
export function readGo(text: string): Heard {
  const outputs = new Map<string, string>();
  const tests: TestCase[] = [];
  const begun = new Set<string>();
  let isDone = false;
  for (const line of text.split("\n")) {
    const event = parseJson(line, Event);
    if (event === undefined) continue;
    const { Action: action, Package: name = "?", Test: test, Output: output = "" } = event;
    const id = `${name}::${test ?? "package"}`.slice(0, REPORT_LIMITS.idChars);
    const said = outputs.get(id) ?? "";
    if (output !== "" && said.length < REPORT_LIMITS.stackChars) outputs.set(id, said + output);
    if (test !== undefined && action === "run") begun.add(id);
    const status = STATUSES[action];
    if (status === undefined) continue;
    if (test === undefined) isDone = true;
    begun.delete(id);
    const isOfPackage = test === undefined;
    // A package fails with its tests; alone when it does not build, or a test ended its process.
    if (
      isOfPackage &&
      (status !== "failed" || tests.some((one) => one.id.startsWith(`${name}::`) && one.status === "failed"))
    )
      continue;
    if (tests.length < REPORT_LIMITS.tests) tests.push(caseOf(id, isOfPackage ? "error" : status, said));
  }
  for (const id of begun) tests.push(caseOf(id, "timeout", outputs.get(id) ?? ""));
  return { tests: unique(tests), isDone };
}

function caseOf(id: string, status: TestCase["status"], output: string): TestCase {
  if (status === "passed") return testCase(id, status);
  const stack = output.replaceAll(/^\s*(?:=== .*|--- (?:FAIL|SKIP).*|FAIL.*)\n/gm, "").trim();
  return testCase(id, /^panic: /m.test(output) ? "error" : status, { message: stack.split("\n")[0], stack });
}

export const go: RunnerAdapter = {
  coverage: [],
  programs: [],
  noTests: [],
  argv: ({ results, only }) => {
    const names = only.filter((one) => one.includes("::")).map((id) => id.slice(id.indexOf("::") + 2));
    const pattern = names.length > 0 ? ["-run", `^(?:${names.map((name) => name.split("/", 1)[0]).join("|")})$`] : [];
    const script = 'out=$1; shift; "$@" > "$out"; code=$?; exit $code';
    return ["/bin/sh", "-c", script, "sh", results, "go", "test", "-json", "-count=1", "-p=1", ...pattern, "./..."];
  },
  read: (file) => readGo(file),
};
