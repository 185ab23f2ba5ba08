import { defineConfig } from "vitest/config";
import { LongestFirst } from "./scripts/longest-first.ts";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "conformance/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A loaded machine can miss what a test waits for. Each that needs another try is named at the end, and so is each file that is run once more, from its
    // beginning (scripts/test.ts); what must never fail says `retry: 0`.
    retry: 1,
    // One more than the two cores it is made for: tests that wait for a machine or a kill leave a core idle.
    maxWorkers: 3,
    pool: "forks",
    sequence: { sequencer: LongestFirst },
  },
});
