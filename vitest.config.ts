import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/src/**/*.test.ts", "conformance/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A loaded machine can miss what a test waits for. Each that needs its second try is named at the end; what must never fail says `retry: 0`.
    retry: 1,
    // Two cores, and every test here starts real processes.
    maxWorkers: 2,
    pool: "forks",
  },
});
