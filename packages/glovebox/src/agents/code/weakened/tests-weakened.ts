import { isTestFile } from "../../layout/layout-of.ts";
import type { CodeFile } from "../code-file.ts";
import { configurationChanged } from "./test-configuration.ts";
import { type FileFacts, type TestFacts, testFactsOf } from "./test-facts.ts";

export interface WeakenedInput {
  /** The files that change, as they were; those that are created are left out. */
  readonly before: readonly CodeFile[];
  /** As they are to be; those that are deleted are left out. */
  readonly after: readonly CodeFile[];
}

export interface Weakening {
  readonly path: string;
  readonly kind:
    | "file_removed"
    | "unreadable"
    | "test_removed"
    | "assertion_changed"
    | "call_changed"
    | "support_changed"
    | "skipped"
    | "focused"
    | "mocked"
    | "exits"
    | "configuration";
  /** For people. */
  readonly reason: string;
}

const MAX_REASONS = 50;
const MAX_SHOWN = 200;

/**
 * Why tests say less after a change than before: an empty list if they do not. Told from syntax trees: white space, comments and new tests change nothing. Assertions
 * that cannot fail, that are never reached or whose failure is swallowed count as none. Fails closed: a test file that does not parse says less.
 */
export async function testsWeakened({ before, after }: WeakenedInput): Promise<readonly Weakening[]> {
  const now = new Map(after.map((file) => [file.path, file]));
  const was = new Map(before.map((file) => [file.path, file]));
  const found: Weakening[] = [];
  for (const old of before) {
    found.push(...configurationChanged(old, now.get(old.path)));
    if (isTestFile(old.path)) found.push(...(await compareFiles(old, now.get(old.path))));
  }
  for (const fresh of after) {
    if (was.has(fresh.path)) continue;
    found.push(...configurationChanged(undefined, fresh));
    if (!isTestFile(fresh.path)) continue;
    const { focused, exits } = await testFactsOf(fresh);
    found.push(...addedReasons(fresh.path, { focused, exits, mocks: [] }, NOTHING));
  }
  return found.slice(0, MAX_REASONS);
}

async function compareFiles(old: CodeFile, fresh: CodeFile | undefined): Promise<Weakening[]> {
  const { path } = old;
  if (fresh === undefined) return [{ path, kind: "file_removed", reason: `the tests in ${path} are removed` }];
  if (old.text === fresh.text) return [];
  const [was, is] = [await testFactsOf(old), await testFactsOf(fresh)];
  if (!is.parses && was.parses) return [{ path, kind: "unreadable", reason: `${path} does not parse any more` }];
  return [...compareTests(path, was, is), ...addedReasons(path, is, was)];
}

function compareTests(path: string, was: FileFacts, is: FileFacts): Weakening[] {
  const found: Weakening[] = [];
  const left = is.tests.slice();
  for (const statement of missing(was.support, is.support))
    found.push({ path, kind: "support_changed", reason: `${path} does not have any more ${shown(statement)}` });
  for (const old of was.tests) {
    const at = left.findIndex(({ name }) => name === old.name);
    const fresh = left[at];
    if (fresh === undefined) {
      found.push({ path, kind: "test_removed", reason: `the test ${shown(old.name)} is gone, or has another name` });
      continue;
    }
    left.splice(at, 1);
    found.push(...compareTest(path, old, fresh));
  }
  return found;
}

function compareTest(path: string, old: TestFacts, fresh: TestFacts): Weakening[] {
  const found: Weakening[] = [];
  if (fresh.isSkipped && !old.isSkipped)
    found.push({ path, kind: "skipped", reason: `the test ${shown(old.name)} is skipped` });
  for (const assertion of missing(old.assertions, fresh.assertions))
    found.push({
      path,
      kind: "assertion_changed",
      reason: `${shown(old.name)} does not hold any more that ${shown(assertion)}`,
    });
  for (const call of missing(old.calls, fresh.calls))
    found.push({ path, kind: "call_changed", reason: `${shown(old.name)} does not call ${shown(call)} any more` });
  return found;
}

type Added = Pick<FileFacts, "focused" | "exits" | "mocks">;
const NOTHING: Added = { focused: [], exits: [], mocks: [] };

function addedReasons(path: string, is: Added, was: Added): Weakening[] {
  const reasons = (kind: "focused" | "exits" | "mocks", as: Weakening["kind"], words: string) =>
    missing(is[kind], was[kind]).map(
      (one): Weakening => ({ path, kind: as, reason: `${path} ${words} ${shown(one)}` }),
    );
  return [
    ...reasons("focused", "focused", "runs nothing but"),
    ...reasons("mocks", "mocked", "puts something else in the place of what it tests:"),
    ...reasons("exits", "exits", "ends the run itself:"),
  ];
}

/** What is in `all` more often than in `some`. */
function missing(all: readonly string[], some: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const one of some) counts.set(one, (counts.get(one) ?? 0) + 1);
  return all.filter((one) => {
    const left = counts.get(one) ?? 0;
    if (left > 0) counts.set(one, left - 1);
    return left === 0;
  });
}

function shown(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
