import { GloveboxError } from "../../core/index.ts";
import type { CodeThreads } from "../code/code-threads.ts";
import { folderOf, inCase, join, type Layout, stemOf, testPathOf } from "../layout/layout.ts";
import type { TextChange } from "../workbench/make-diff.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { checkParses, type Formatting, formatted } from "./finish.ts";
import type { FunctionSpec } from "./function-spec.ts";
import { intoJavascriptModule, javascriptFunction, javascriptTest } from "./render/javascript.ts";
import { intoPythonModule, pythonFunction, pythonTest } from "./render/python.ts";

export interface FunctionWish {
  readonly spec: FunctionSpec;
  /** Of the module. Default: one of its own. */
  readonly path?: string | undefined;
  readonly test: boolean;
}

/**
 * A function in a module of the repository, and a test of its examples, as changes. Errors: `invalid_argument` without a body, or when what comes of it is no code of
 * its language, or another function than was asked for; `already_exists`.
 */
export async function writeFunction(
  wish: FunctionWish,
  {
    layout,
    code,
    repository,
  }: { readonly layout: Layout; readonly code: CodeThreads; readonly repository: RepositoryBench },
): Promise<TextChange[]> {
  const { spec } = wish;
  const { body } = spec;
  if (body === undefined)
    throw new GloveboxError("invalid_argument", "without a model a function needs its body", {
      details: { path: "function.body" },
    });
  const path = wish.path ?? join(layout.sourceFolder, `${inCase(spec.name, layout.fileCase)}${layout.extension}`);
  const using: Formatting = { layout, code, signal: repository.signal };
  const before = (await repository.readFileIfAny(path)) ?? null;
  if (before !== null) await checkIsNew(spec, { path, text: before }, using);
  const text =
    layout.language === "python"
      ? pythonFunction({ ...spec, body }, layout)
      : javascriptFunction({ ...spec, body }, layout);
  const into = layout.language === "python" ? intoPythonModule : intoJavascriptModule;
  const after = await formatted({ path, before, text: into(before ?? "", text) }, using);
  await checkIsThere(spec, { path, text: after }, using);
  const changes: TextChange[] = [{ path, before, after }];
  if (!wish.test || spec.examples.length === 0) return changes;
  return [...changes, ...(await testChanges(spec, path, using, repository))];
}

async function testChanges(
  spec: FunctionSpec,
  path: string,
  using: Formatting,
  repository: RepositoryBench,
): Promise<TextChange[]> {
  const { layout } = using;
  const testPath = await freeTestPath(spec, path, layout, repository);
  const text = (layout.language === "python" ? pythonTest : javascriptTest)(spec, layout, { path, testPath });
  const after = await formatted({ path: testPath, before: null, text }, using);
  await checkParses({ path: testPath, text: after }, using);
  const folder = folderOf(testPath);
  // Python's own runner looks only into packages.
  const init = join(folder, "__init__.py");
  const needsInit =
    layout.testStyle === "unittest" && folder !== "" && (await repository.readFileIfAny(init)) === undefined;
  return [...(needsInit ? [{ path: init, before: null, after: "" }] : []), { path: testPath, before: null, after }];
}

/** The module's own test file where there is none yet, else one of the function's. */
async function freeTestPath(
  spec: FunctionSpec,
  path: string,
  layout: Layout,
  repository: RepositoryBench,
): Promise<string> {
  const ending = path.slice(path.lastIndexOf("."));
  const ofFunction = join(
    folderOf(path),
    `${stemOf(path)}${layout.language === "python" ? "_" : "-"}${inCase(spec.name, layout.fileCase)}${ending}`,
  );
  for (const candidate of [path, ofFunction]) {
    const testPath = testPathOf(layout, candidate);
    if ((await repository.readFileIfAny(testPath)) === undefined) return testPath;
  }
  throw new GloveboxError("already_exists", `${spec.name} has a test already`, {
    details: { path: testPathOf(layout, ofFunction) },
  });
}

async function checkIsNew(
  spec: FunctionSpec,
  file: { path: string; text: string },
  { code, signal }: Formatting,
): Promise<void> {
  const { functions, parses } = await code.call("outline", file, { signal });
  if (!parses)
    throw new GloveboxError("invalid_argument", `${file.path} does not parse as it is: nothing can be added to it`);
  if (functions.some(({ qualifiedName }) => qualifiedName === spec.name))
    throw new GloveboxError("already_exists", `${file.path} has a function ${spec.name} already`, {
      details: { path: file.path },
    });
}

/** A type or a default that ends the signature early would make another function of it. */
async function checkIsThere(
  spec: FunctionSpec,
  file: { path: string; text: string },
  using: Formatting,
): Promise<void> {
  await checkParses(file, using);
  const { functions } = await using.code.call("outline", file, { signal: using.signal });
  const made = functions.find(({ qualifiedName }) => qualifiedName === spec.name);
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join(", ");
  if (made === undefined || names(made.params) !== names(spec.params))
    throw new GloveboxError(
      "invalid_argument",
      `what was asked for is no function ${spec.name}(${names(spec.params)})`,
    );
}
