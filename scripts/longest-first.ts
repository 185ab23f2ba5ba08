import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * What takes longest, the longest first. The runner knows how long files took the last time, but on a fresh clone only how large they are: kills of a
 * server are few lines, and would begin when the others are over.
 */
const LONGEST = [
  "conformance/drivers/microvm-machines.test.ts",
  "test/chaos/kill-server.test.ts",
  "conformance/drivers/microvm.test.ts",
  "packages/glovebox/src/agents/performance/performance.test.ts",
  "packages/glovebox/src/cli/cli.test.ts",
  "test/e2e/ci-runs.test.ts",
  "conformance/stores/sqlite.test.ts",
  "conformance/engines/embedded-history.test.ts",
  "test/e2e/flow-15-flows.test.ts",
  "test/e2e/ci-local.test.ts",
  "test/e2e/flow-16-flow-kills.test.ts",
  "conformance/drivers/bubblewrap.test.ts",
  "conformance/drivers/gvisor.test.ts",
  "test/chaos/leaks.test.ts",
  "conformance/drivers/bubblewrap-ordinary-user.test.ts",
  "packages/glovebox/src/cli/governance.test.ts",
  "test/chaos/folders.test.ts",
  "test/e2e/microvm-sessions.test.ts",
  "packages/glovebox/src/sessions/snapshots/crash.test.ts",
  "conformance/engines/embedded-chaos.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
