import { type CodeFile, languageOf } from "../code-file.ts";
import { repairOversteps } from "./repair-oversteps.ts";
import { configurationChanged } from "./test-configuration.ts";
import { type FileFacts, type TestFacts, testFactsOf } from "./test-facts.ts";
import { roleOf } from "./test-paths.ts";

export interface WeakenedInput {
  /** The files that change, as they were; those that are created are left out. */
  readonly before: readonly CodeFile[];
  /** As they are to be; those that are deleted are left out. */
  readonly after: readonly CodeFile[];
  /** The change is a repair of code: it has no business with tests at all, nor with what runs them. Default false: it may add tests, and write them otherwise. */
  readonly isRepair?: boolean;
  /** Files that had tests in them when they ran. Default: told by their names alone. */
  readonly tests?: readonly string[];
}

export interface Weakening {
  readonly path: string;
  readonly kind:
    | "file_removed"
    | "unreadable"
    | "test_removed"
    | "assertion_changed"
    | "call_changed"
    | "overwritten"
    | "ends_early"
    | "support_changed"
    | "skipped"
    | "focused"
    | "mocked"
    | "exits"
    | "configuration"
    | "data_changed"
    | "test_touched"
    | "sees_tests"
    | "reaches_out"
    | "bends";
  /** For people. */
  readonly reason: string;
}

const MAX_REASONS = 50;
const MAX_SHOWN = 200;

/**
 * Why tests say less after a change than before: an empty list if they do not. Told from syntax trees: white space, comments and new tests change nothing. Assertions
 * that cannot fail, that are never reached or whose failure is swallowed count as none. Fails closed: a test file that does not parse says less.
 */
export async function testsWeakened({
  before,
  after,
  isRepair = false,
  tests = [],
}: WeakenedInput): Promise<readonly Weakening[]> {
  const now = new Map(after.map((file) => [file.path, file]));
  const was = new Map(before.map((file) => [file.path, file]));
  const known = new Set(tests);
  const found: Weakening[] = [];
  for (const path of new Set([...was.keys(), ...now.keys()])) {
    const [old, fresh] = [was.get(path), now.get(path)];
    if (old?.text === fresh?.text) continue;
    const role = roleOf(path, known);
    found.push(...configurationChanged(old, fresh, isRepair));
    found.push(...(await comparePath(role, old, fresh)));
    if (isRepair) found.push(...(await repairOversteps(role, old, fresh)));
  }
  return found.slice(0, MAX_REASONS);
}

/** What a change does to a file of the tests. */
async function comparePath(
  role: ReturnType<typeof roleOf>,
  old: CodeFile | undefined,
  fresh: CodeFile | undefined,
): Promise<Weakening[]> {
  const path = old?.path ?? fresh?.path ?? "";
  if (role === "data" && old !== undefined)
    return [{ path, kind: "data_changed", reason: `${path}, which tests hold results against, is not what it was` }];
  const isRead = role === "test" || role === "support" || /\bimport\.meta\.vitest\b/.test(old?.text ?? "");
  if (!isRead) return [];
  if (languageOf(path) === undefined)
    return old === undefined
      ? []
      : [{ path, kind: "unreadable", reason: `${path} has tests, which cannot be read here` }];
  if (old !== undefined) return compareFiles(old, fresh);
  if (fresh === undefined) return [];
  const { focused, exits, skips } = await testFactsOf(fresh);
  return addedReasons(path, { ...NOTHING, focused, exits, skips }, NOTHING);
}

async function compareFiles(old: CodeFile, fresh: CodeFile | undefined): Promise<Weakening[]> {
  const { path } = old;
  if (fresh === undefined) return [{ path, kind: "file_removed", reason: `the tests in ${path} are removed` }];
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
  for (const taken of missing(fresh.overwrites, old.overwrites).filter((one) => old.names.includes(nameOf(one))))
    found.push({
      path,
      kind: "overwritten",
      reason: `${shown(old.name)} puts another value where it looks: ${shown(taken)}`,
    });
  for (const end of missing(fresh.ends, old.ends))
    found.push({ path, kind: "ends_early", reason: `${shown(old.name)} ends early: ${shown(end)}` });
  for (const call of missing(old.calls, fresh.calls))
    found.push({ path, kind: "call_changed", reason: `${shown(old.name)} does not call ${shown(call)} any more` });
  return found;
}

type Added = Pick<FileFacts, "focused" | "exits" | "mocks" | "skips">;
const NOTHING: Added = { focused: [], exits: [], mocks: [], skips: [] };

function addedReasons(path: string, is: Added, was: Added): Weakening[] {
  const reasons = (kind: keyof Added, as: Weakening["kind"], words: string) =>
    missing(is[kind], was[kind]).map(
      (one): Weakening => ({ path, kind: as, reason: `${path} ${words} ${shown(one)}` }),
    );
  return [
    ...reasons("focused", "focused", "runs nothing but"),
    ...reasons("mocks", "mocked", "puts something else in the place of what it tests:"),
    ...reasons("exits", "exits", "ends the run itself:"),
    ...reasons("skips", "skipped", "keeps tests from running:"),
  ];
}

/** Of what {@link TestFacts.overwrites} has. */
function nameOf(overwrite: string): string {
  return overwrite.split(" ", 1)[0] ?? "";
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
