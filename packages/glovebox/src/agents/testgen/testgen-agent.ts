import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Agent } from "../agent.ts";
import { type CodeLanguage, languageOf } from "../code/code-file.ts";
import { writeByModel } from "../codegen/model/write-by-model.ts";
import { isTestFile, sourcesOf } from "../layout/layout-of.ts";
import { readLayout } from "../layout/read-layout.ts";
import type { Artifact } from "../messages/artifact.ts";
import type { Delta, Diff } from "../messages/diff.ts";
import { changes } from "../messages/make-message.ts";
import { RepositoryPath } from "../messages/parts.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import { type GeneratedTests, generateTests } from "./generate-tests.ts";
import { sourceOf } from "./plain-value.ts";

export const TestgenPayload = z.strictObject({
  /** Modules to test. Default: those of the repository's main language, the first 20 by path. */
  paths: z.array(RepositoryPath).max(20).optional(),
  language: z.enum(["python", "typescript", "javascript"]).optional(),
  /** For a model: what the code is to do, from which it writes tests of behaviour. */
  spec: z.string().min(1).max(20_000).optional(),
});
export type TestgenPayload = z.infer<typeof TestgenPayload>;

const MAX_MODULES = 20;

/** Writes tests of what code does: each is run before it is proposed, and only those that pass are. Crashes that they find are told. */
export const testgenAgent: Agent<TestgenPayload> = {
  name: "testgen",
  capabilities: ["testgen"],
  description:
    "Writes tests from signatures and observed behaviour, runs each, keeps those that pass and tells the crashes that they find",
  payload: TestgenPayload,
  async work(host, { payload }) {
    const { bench, code, model } = host;
    if (bench === undefined)
      throw new GloveboxError("invalid_argument", "testgen works on a repository, and there is none");
    for (const path of payload.paths ?? []) checkRepositoryPath(path);
    const [named] = payload.paths ?? [];
    const { layout, tree } = await readLayout(
      bench,
      "repository",
      payload.language ?? (named === undefined ? undefined : languageOf(named)),
    );
    const wanted = payload.paths ?? sourcesOf(tree.files.map(({ path }) => path));
    const paths = wanted.filter((path) => isOf(path, layout.language)).slice(0, MAX_MODULES);
    const all: GeneratedTests[] = [];
    for (const path of paths) {
      all.push(
        await bench.work(
          `tests of ${path}`.replaceAll(/[/#]/g, ":").slice(-100),
          { path, layout },
          (given, repository) => generateTests(given, { code, repository }),
        ),
      );
    }
    const artifacts = all.flatMap((one) => artifactsOf(one, layout.language));
    const diff = makeDiff(all.flatMap(({ files }) => files));
    if (model === undefined || payload.spec === undefined || paths.length === 0) return changes(diff, { artifacts });
    const goal = `Write tests of behaviour for ${paths.join(", ")}, in new test files only. What the code is to do:\n${payload.spec}`;
    const wish = { goal, payload: { show: paths, candidates: 1 }, layout };
    const proposed = await writeByModel({ ...host, bench, model }, wish);
    return changes(together(diff, proposed.delta), { artifacts: [...artifacts, ...proposed.artifacts] });
  },
};

/** Both, where the model's adds tests and nothing else. */
function together(own: Diff, proposed: Delta): Diff {
  if (proposed.kind !== "diff") return own;
  const taken = new Set(own.files.map(({ path }) => path));
  const isFine = proposed.diff.files.every(
    ({ path, baseHash }) => isTestFile(path) && baseHash === null && !taken.has(path),
  );
  return isFine ? { ...own, text: own.text + proposed.diff.text, files: [...own.files, ...proposed.diff.files] } : own;
}

function isOf(path: string, language: CodeLanguage): boolean {
  return languageOf(path) === language;
}

function artifactsOf({ path, crashes, kept, importError }: GeneratedTests, language: CodeLanguage): Artifact[] {
  const told = kept.map((name): Artifact => ({ kind: "test_result", name, status: "passed", log: "" }));
  if (importError !== undefined) {
    told.push({
      kind: "analysis",
      target: path,
      details: `cannot be imported: ${importError}`,
      severity: "error",
      suggestions: [],
      rule: "testgen/import",
      path,
    });
  }
  for (const { name, line, args, error } of crashes) {
    const call = `${name}(${args.map((arg) => sourceOf(arg, language)).join(", ")})`;
    told.push({
      kind: "analysis",
      target: `${path}:${name}`,
      details: `${call} crashes: ${error}`,
      severity: "error",
      suggestions: ["Handle these arguments, or refuse them."],
      rule: "testgen/crash",
      path,
      line,
    });
  }
  return told;
}
