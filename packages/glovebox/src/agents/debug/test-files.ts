import { roleOf } from "../code/weakened/test-paths.ts";

/** Whether a file is a test, or only serves tests: such files are never changed by a repair. `known`: files that had tests in them. */
export function isTestFile(path: string, known: ReadonlySet<string>): boolean {
  return roleOf(path, known) !== "other";
}
