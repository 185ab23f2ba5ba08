import { testCase } from "../results-file.ts";
import { REPORT_LIMITS, type TestCase } from "../test-report.ts";
import type { Heard, RunnerAdapter } from "./adapter.ts";
import { unique, withoutUnasked } from "./jest-like.ts";

const BINARY = /^\s+(?:Running (?:unittests )?(\S+)|Doc-tests (\S+))/;
const TEST = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, (.*))?$/;
const DETAILS = /^---- (.+) stdout ----$/;
const STATUSES: Readonly<Record<string, TestCase["status"]>> = { ok: "passed", FAILED: "failed", ignored: "skipped" };

/** Reads what `cargo test` prints, its two streams in one. Not told by it: which source file a test is in; its id names the file of the test program. */
export function readCargo(output: string): Heard {
  const tests: TestCase[] = [];
  const details = new Map<string, string[]>();
  let file = "src/lib.rs";
  let detail: string[] | undefined;
  for (const line of output.split("\n")) {
    const [, program, documented] = BINARY.exec(line) ?? [];
    if (program !== undefined || documented !== undefined) file = program ?? "src/lib.rs";
    const [, name, status = "", reason] = TEST.exec(line) ?? [];
    if (name !== undefined && tests.length < REPORT_LIMITS.tests) {
      tests.push(
        testCase(`${file}::${name}`.slice(0, REPORT_LIMITS.idChars), STATUSES[status] ?? "error", { message: reason }),
      );
    }
    const [, about] = DETAILS.exec(line) ?? [];
    if (about !== undefined) {
      detail = [];
      details.set(`${file}::${about}`, detail);
    } else if (/^(?:failures:|successes:|test result:)/.test(line)) detail = undefined;
    else if (detail !== undefined && detail.length < 200) detail.push(line);
  }
  const told = unique(tests).map((test) => {
    const stack = details.get(test.id)?.join("\n").trim();
    if (stack === undefined || test.status !== "failed") return test;
    const message = /panicked at [^\n]*:\n([^\n]*)/.exec(stack)?.[1] ?? stack.split("\n")[0];
    return testCase(test.id, "failed", { message, stack });
  });
  return { tests: told, isDone: /^test result: /m.test(output) };
}

export const cargo: RunnerAdapter = {
  coverage: [],
  programs: [],
  noTests: [],
  argv: ({ results, only }) => {
    const names = only.filter((one) => one.includes("::")).map((id) => id.slice(id.indexOf("::") + 2));
    const exact = names.length > 0 && names.length === only.length ? [...names, "--exact"] : [];
    // What it prints is all that it says of single tests.
    const script = 'out=$1; shift; "$@" > "$out" 2>&1; code=$?; cat "$out"; exit $code';
    return [
      ...["/bin/sh", "-c", script, "sh", results, "cargo", "test", "--offline", "--no-fail-fast", "--color=never"],
      ...["--", "--test-threads=1", ...exact],
    ];
  },
  read: (file, _result, { only }) => withoutUnasked(readCargo(file), only),
};
