import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestCase, TestModule } from "vitest/node";

export interface Failure {
  readonly test: string;
  /** The message of its error: said again at the end, where a log that was cut still has it. */
  readonly error: string;
  /** It says that it must never fail (`retry: 0`). */
  readonly isFinal: boolean;
}

/** What came of one file of tests. */
export interface FileSummary {
  readonly file: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: readonly Failure[];
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  /** Passed only when tried again; with what was wrong at first. */
  readonly flaky: readonly Failure[];
  /** Took more than half of what they may: on a machine half as fast they fail. */
  readonly nearLimit: readonly { readonly test: string; readonly seconds: number; readonly of: number }[];
  /** It failed to load or in a hook, so that tests did not run. */
  readonly isBroken: boolean;
}

/** Writes what came of each file, a `FileSummary[]`, to the file named by GLOVEBOX_TEST_SUMMARY. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env.GLOVEBOX_TEST_SUMMARY;
    if (file !== undefined) writeFileSync(file, JSON.stringify(modules.map(summarise)));
  }
}

function summarise(module: TestModule): FileSummary {
  const tests = [...module.children.allTests()];
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    file: module.relativeModuleId,
    seconds: Math.round(module.diagnostic().duration / 1_000),
    passed: inState("passed").length,
    failed: inState("failed").map((test) => failureOf(test, -1)),
    skipped: inState("skipped").map((test) => ({ test: test.fullName, reason: reasonOf(test) })),
    flaky: tests.filter((test) => test.diagnostic()?.flaky === true).map((test) => failureOf(test, 0)),
    nearLimit: tests.flatMap((test) => {
      const { timeout } = test.options;
      const { duration = 0 } = test.diagnostic() ?? {};
      if (timeout === undefined || timeout === 0 || duration < timeout / 2) return [];
      return [{ test: test.fullName, seconds: Math.round(duration / 100) / 10, of: timeout / 1_000 }];
    }),
    isBroken: module.errors().length > 0,
  };
}

/** How much of an error's message is said again, in characters. */
const ERROR_LENGTH = 300;

/** With the message of one of its errors on one line, and where it was thrown. */
function failureOf(test: TestCase, which: number): Failure {
  const error = test.result().errors?.at(which);
  const frame = error?.stacks?.at(-1);
  const place = frame === undefined ? "" : ` (line ${frame.line})`;
  const message = stripVTControlCharacters(error?.message ?? "no error given").replaceAll(/\s+/g, " ");
  return {
    test: test.fullName,
    error: message.slice(0, ERROR_LENGTH) + place,
    isFinal: test.options.retry === 0,
  };
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note !== undefined ? result.note : "no reason given";
}
