import { z } from "zod";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { Agent } from "../agent.ts";
import { languageOf, MAX_CODE_LENGTH } from "../code/code-file.ts";
import type { CodeThreads } from "../code/code-threads.ts";
import { writeByModel } from "../codegen/model/write-by-model.ts";
import { isOwnCode } from "../layout/layout-of.ts";
import { readLayout } from "../layout/read-layout.ts";
import { readTexts } from "../layout/read-texts.ts";
import type { Artifact } from "../messages/artifact.ts";
import { summary } from "../messages/make-message.ts";
import { RepositoryPath } from "../messages/parts.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import { graphFindings } from "./module-graph.ts";
import type { ReviewFacts, ReviewFinding } from "./review-facts.ts";

export const DesignReviewPayload = z.strictObject({
  /** What is told of; cycles are looked for in all code. Default: all code of the repository, the first 2,000 files by path. */
  paths: z.array(RepositoryPath).max(2_000).optional(),
});
export type DesignReviewPayload = z.infer<typeof DesignReviewPayload>;

const MAX_FILES = 2_000;
const MAX_FINDINGS = 50;

/** Looks at how code is made: sizes, depth, docs, state that is shared, and modules that hang together in circles. */
export const designReviewAgent: Agent<DesignReviewPayload> = {
  name: "design_review",
  capabilities: ["design_review"],
  description:
    "Reviews design: parameters, length, nesting, docs, mutable defaults, global state, cycles between modules, fan-out",
  payload: DesignReviewPayload,
  async work(host, { payload }) {
    const { bench, code, model } = host;
    if (bench === undefined)
      throw new GloveboxError("invalid_argument", "design_review works on a repository, and there is none");
    for (const path of payload.paths ?? []) checkRepositoryPath(path);
    const tree = await bench.tree();
    const own = tree.files
      .filter(({ path, size }) => isOwnCode(path) && size <= MAX_CODE_LENGTH)
      .map(({ path }) => path);
    const paths = own.slice(0, MAX_FILES);
    const only = payload.paths ?? paths;
    const { findings, leftOut } = await bench.work("review", { paths, only }, (given, repository) =>
      review(repository, code, given),
    );
    const text = `${findings.length + leftOut} remarks on ${paths.length} files`;
    const [worst] = findings;
    const proposed =
      model === undefined || worst === undefined || worst.weight < 1
        ? []
        : await refactoring({ ...host, bench, model }, worst);
    return summary(text, {
      data: { files: paths.length, leftOut },
      artifacts: [...findings.map(artifactOf), ...proposed],
    });
  },
};

/** One change by the model that does away with the gravest finding, if it passes the checks and breaks no test. It is shown, and applied by nobody. */
async function refactoring(
  host: Parameters<typeof writeByModel>[0],
  { path, target, details, suggestion }: ReviewFinding,
): Promise<readonly Artifact[]> {
  const { layout } = await readLayout(host.bench, "repository", languageOf(path));
  const goal = `Refactor ${path}: ${target} ${details}. ${suggestion} What the code does stays as it is.`;
  const { delta, artifacts } = await writeByModel(host, { goal, payload: { show: [path], candidates: 1 }, layout });
  return delta.kind === "diff"
    ? [{ kind: "diff", title: goal.slice(0, 1_000), diff: delta.diff }, ...artifacts]
    : artifacts;
}

async function review(
  repository: RepositoryBench,
  code: CodeThreads,
  { paths, only }: { readonly paths: readonly string[]; readonly only: readonly string[] },
): Promise<{ readonly findings: readonly ReviewFinding[]; readonly leftOut: number }> {
  const imports = new Map<string, ReviewFacts["imports"]>();
  const all: ReviewFinding[] = [];
  for (const path of paths) {
    const { [path]: text } = await readTexts(repository, [path]);
    const facts = text === undefined ? undefined : await factsOf(code, { path, text }, repository.signal);
    if (facts === undefined) continue;
    imports.set(path, facts.imports);
    all.push(...facts.findings);
  }
  const wanted = new Set(only);
  const findings = [...all, ...graphFindings(imports)]
    .filter(({ path, along = [path] }) => along.some((one) => wanted.has(one)))
    .toSorted(byWeight);
  return { findings: findings.slice(0, MAX_FINDINGS), leftOut: Math.max(0, findings.length - MAX_FINDINGS) };
}

/** Code that is too much for its parser is left out of the review: static analysis tells of it. */
async function factsOf(
  code: CodeThreads,
  file: { path: string; text: string },
  signal: AbortSignal,
): Promise<ReviewFacts | undefined> {
  try {
    return await code.call("reviewFacts", file, { signal });
  } catch (error) {
    if (isGloveboxError(error, "payload_too_large")) return undefined;
    throw error;
  }
}

function byWeight(a: ReviewFinding, b: ReviewFinding): number {
  return (
    b.weight - a.weight || (a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line || (a.rule < b.rule ? -1 : 1))
  );
}

function artifactOf({ rule, path, line, target, details, suggestion, weight }: ReviewFinding): Artifact {
  const severity = weight >= 1 ? "warn" : "info";
  return {
    kind: "analysis",
    target,
    details: `${target} ${details}`,
    severity,
    suggestions: [suggestion],
    rule: `design/${rule}`,
    path,
    line,
  };
}
