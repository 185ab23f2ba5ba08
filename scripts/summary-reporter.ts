import { writeFileSync } from "node:fs";
import type { Reporter, TestCase, TestModule } from "vitest/node";

export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  /** Passed only when tried again. */
  readonly flaky: readonly string[];
  /** Failed to load or failed in a hook, so that their tests did not run. */
  readonly brokenFiles: readonly string[];
  /** The files that took longest, slowest first: where to look when the whole takes too long. */
  readonly slowest: readonly { readonly file: string; readonly seconds: number }[];
}

/** How many files {@link Summary.slowest} names. */
const SLOWEST = 12;

/** Writes counts, what needed a second try, and the reason of each skip to the file named by GLOVEBOX_TEST_SUMMARY. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env.GLOVEBOX_TEST_SUMMARY;
    if (file === undefined) return;
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string) => tests.filter((test) => test.result().state === state);
    const summary: Summary = {
      passed: inState("passed").length,
      failed: inState("failed").length,
      skipped: inState("skipped").map((test) => ({ test: test.fullName, reason: reasonOf(test) })),
      flaky: tests.filter((test) => test.diagnostic()?.flaky === true).map((test) => test.fullName),
      brokenFiles: modules.filter((module) => module.errors().length > 0).map((module) => module.relativeModuleId),
      slowest: modules
        .map((module) => ({ file: module.relativeModuleId, seconds: Math.round(module.diagnostic().duration / 1_000) }))
        .sort((a, b) => b.seconds - a.seconds)
        .slice(0, SLOWEST),
    };
    writeFileSync(file, JSON.stringify(summary));
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note !== undefined ? result.note : "no reason given";
}
