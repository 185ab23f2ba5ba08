import type { CodeThreads } from "../code/code-threads.ts";
import type { OutlinedFunction } from "../code/outline/types.ts";
import { formatted } from "../codegen/finish.ts";
import { folderOf, join, type Layout, testPathOf } from "../layout/layout.ts";
import { readTexts } from "../layout/read-texts.ts";
import { runTestsIn } from "../test-exec/run-tests.ts";
import { Trial } from "../trial.ts";
import type { TextChange } from "../workbench/make-diff.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { observe } from "./observe.ts";
import { javascriptTests } from "./render-javascript.ts";
import { pythonTests } from "./render-python.ts";
import { type Crash, callsOf, type FunctionPlan, planOf, toCalls } from "./test-plan.ts";

/** What came of one module. */
export interface GeneratedTests {
  readonly path: string;
  /** The test file, when any of its tests passed. */
  readonly files: readonly TextChange[];
  /** Ids of its tests. */
  readonly kept: readonly string[];
  readonly crashes: readonly Crash[];
  readonly importError?: string;
}

interface Parts {
  readonly code: CodeThreads;
  readonly repository: RepositoryBench;
}

const MAX_FUNCTIONS = 50;
/** How often tests that fail are left out and the others run again. */
const ROUNDS = 3;
const TEST_MS = 60_000;

/** Observes a module's functions twice, writes tests of what was the same, and keeps those that pass. */
export async function generateTests(
  { path, layout }: { readonly path: string; readonly layout: Layout },
  { code, repository }: Parts,
): Promise<GeneratedTests> {
  const trial = await Trial.open(repository);
  const nothing = { path, files: [], kept: [], crashes: [] };
  const { [path]: text } = await readTexts(repository, [path]);
  if (text === undefined) return nothing;
  const { functions, parses } = await code.call("outline", { path, text }, { signal: repository.signal });
  const wanted = functions.filter(isTestable).slice(0, MAX_FUNCTIONS);
  if (!parses || wanted.length === 0) return nothing;
  const tried = callsOf(wanted, layout.language);
  const request = { path, calls: toCalls(tried) };
  const first = await observe(repository, layout.language, request);
  const second = await observe(repository, layout.language, request);
  if (first?.error != null && !first.imported) return { ...nothing, importError: first.error };
  if (first === undefined || second === undefined || !second.imported)
    return { ...nothing, importError: "the module ends its process, or does not come to an end" };
  const { plans, crashes } = planOf(tried, [first, second], layout.language);
  return { ...(await keepPassing(plans, { path, layout, trial }, { code, repository })), path, crashes };
}

/** What can be called with plain values, and gives one. */
function isTestable({ exported, kind, generator, qualifiedName, name, decorators }: OutlinedFunction): boolean {
  return exported && kind === "function" && !generator && qualifiedName === name && decorators.length === 0;
}

async function keepPassing(
  plans: readonly FunctionPlan[],
  { path, layout, trial }: { readonly path: string; readonly layout: Layout; readonly trial: Trial },
  { code, repository }: Parts,
): Promise<Pick<GeneratedTests, "files" | "kept">> {
  const testPath = await freePath(testPathOf(layout, path), repository);
  const leave = new Set<string>();
  const render = layout.language === "python" ? pythonTests : javascriptTests;
  const init = join(folderOf(testPath), "__init__.py");
  const needsInit =
    layout.testStyle === "unittest" &&
    folderOf(testPath) !== "" &&
    (await repository.readFileIfAny(init)) === undefined;
  const extra: readonly TextChange[] = needsInit ? [{ path: init, before: null, after: "" }] : [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = render(plans, { layout, path, testPath, leave });
    const after = await formatted({ path: testPath, before: null, text }, { layout, code, signal: repository.signal });
    const files = [...extra, { path: testPath, before: null, after }];
    // As they would be, and taken away again: they are only proposed.
    const { tests } = await trial.with(files, () =>
      runTestsIn(repository, { runner: layout.testStyle, only: [testPath], timeoutMs: TEST_MS }),
    );
    const failed = tests.filter(({ status }) => status !== "passed");
    if (tests.length === 0 || failed.length === tests.length) break;
    if (failed.length === 0) return { files, kept: tests.map(({ id }) => id) };
    for (const { name } of failed) leave.add(name.slice(name.lastIndexOf(".") + 1));
  }
  return { files: [], kept: [] };
}

/** Tests of people are not touched. */
async function freePath(path: string, repository: RepositoryBench): Promise<string> {
  if ((await repository.readFileIfAny(path)) === undefined) return path;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const [stem = "", ...endings] = name.split(".");
  return join(
    folderOf(path),
    [name.startsWith("test_") || endings.length === 1 ? `${stem}_generated` : `${stem}-generated`, ...endings].join(
      ".",
    ),
  );
}
