const TEST_PATH =
  /(?:^|\/)(?:tests?|__tests__|spec|specs|testdata|fixtures)\/|(?:^|\/)(?:test_[^/]*|[^/]*_test|tests|conftest)\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$|(?:^|\/)(?:test|test-[^/]*|[^/]*[-_]test)\.[cm]?[jt]sx?$/;

/** Whether a file is a test, or only serves tests: such files are never changed by a repair. `known`: files that had tests in them. */
export function isTestFile(path: string, known: ReadonlySet<string>): boolean {
  return known.has(path) || TEST_PATH.test(path);
}
