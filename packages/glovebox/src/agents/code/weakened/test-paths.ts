import { isTestFile } from "../../layout/layout-of.ts";
import { languageOf } from "../code-file.ts";

/** Tests as other runners find them. */
const MORE_TESTS = /(^|\/)(tests|conftest)\.py$|(^|\/)(test|test-[^/]*|[^/]*[-_]test)\.[cm]?[jt]sx?$/;
/** Of languages whose code is not read here. */
const OTHER_TESTS =
  /_test\.go$|(^|\/)tests?\/[^/]*\.rs$|(Test|Tests|IT|Spec)\.(java|kt|scala|cs|swift)$|_(test|spec)\.rb$/;
/** What tests hold results against, wherever it lies. */
const DATA =
  /\.(snap|snapshot|ambr|golden|approved)(\.\w+)?$|(^|\/)(__snapshots__|__image_snapshots__|snapshots|goldens?)\//;
/** Folders of tests: what lies there serves them, also when it is no test itself. */
const TEST_FOLDER =
  /(^|\/)(tests?|__tests__|__mocks__|__fixtures__|specs?|testdata|test[-_]data|fixtures|testing|e2e)\//;

/** What a file is for the tests of its repository. */
export type PathRole = "test" | "support" | "data" | "other";

/** `known`: files that had tests in them when they ran, whatever they are called. */
export function roleOf(path: string, known: ReadonlySet<string> = new Set()): PathRole {
  if (known.has(path) || isTestFile(path) || MORE_TESTS.test(path) || OTHER_TESTS.test(path)) return "test";
  if (DATA.test(path)) return "data";
  if (!TEST_FOLDER.test(path)) return "other";
  return languageOf(path) === undefined ? "data" : "support";
}
