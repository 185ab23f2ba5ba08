import { z } from "zod";
import type { GloveboxError } from "../../../core/index.ts";
import { FunctionSpec } from "../../codegen/function-spec.ts";
import { isTestFile } from "../../layout/layout-of.ts";
import { RepositoryPath } from "../../messages/parts.ts";
import type { AgentOutcome } from "../../messages/result.ts";
import { defineFlow } from "../define-flow.ts";
import type { FlowEnd } from "../flow-result.ts";
import type { FlowScope } from "../flow-scope.ts";
import { FixInput, runTests } from "./fix-failing.ts";
import { judgeRepair, weakenings } from "./judge-diff.ts";
import type { TestsSeen } from "./tests-of.ts";

const FeatureInput = z
  .strictObject({
    goal: z.string().min(1).max(10_000).optional().describe("What is to be added, in words"),
    spec: FunctionSpec.optional().describe("A function as it is to be: name, params, doc, body, examples"),
    language: z.enum(["python", "typescript", "javascript"]).optional().describe("Default: the repository's"),
    path: RepositoryPath.optional().describe("The module that it goes into; default: one of its own"),
    ...FixInput.shape,
  })
  .refine(({ goal, spec }) => (goal === undefined) !== (spec === undefined), {
    message: "give either a goal or a spec",
    path: ["goal"],
  });
type FeatureInput = z.infer<typeof FeatureInput>;

/** Adds something to a repository, with tests, and leaves nothing broken that was not broken before. */
export const featureAdd = defineFlow({
  name: "feature-add",
  version: "1",
  description: "Writes what is asked for with its tests, checks it, and repairs what they find",
  repository: true,
  input: FeatureInput,
  plan: [
    { id: "test-before", kind: "agent", agent: "test_exec", note: "what failed before counts for nothing" },
    { id: "codegen", kind: "agent", agent: "codegen", note: "code and its test" },
    { id: "static_analysis", kind: "agent", agent: "static_analysis", note: "errors end it" },
    { id: "testgen", kind: "agent", agent: "testgen", note: "tests that the new code passes" },
    { id: "test", kind: "agent", agent: "test_exec" },
    {
      id: "round",
      kind: "until",
      note: "until nothing fails that did not before",
      rounds: 3,
      steps: [
        { id: "debug", kind: "agent", agent: "debug" },
        { id: "test", kind: "agent", agent: "test_exec" },
      ],
    },
    { id: "design_review", kind: "agent", agent: "design_review", note: "told, not repaired" },
  ],
  run: (scope, input) => add(scope, input),
});

async function add(scope: FlowScope, input: FeatureInput): Promise<FlowEnd> {
  const before = await runTests(scope, "test-before", input);
  const failedBefore = new Set("failing" in before ? before.failing.map(({ id }) => id) : []);
  const written = await write(scope, input);
  if ("status" in written) return written;
  const { paths } = written;
  const code = paths.filter((path) => !isTestFile(path));
  const errors = await analyse(scope, code);
  if (errors.length > 0) return { status: "failed", reason: `static analysis refuses it: ${errors.join("; ")}` };
  await moreTests(scope, code);
  let seen = await runTests(scope, "test", input);
  for (let round = 1; round <= input.rounds; round++) {
    if ("status" in seen) return seen;
    const fresh = seen.failing.filter(({ id }) => !failedBefore.has(id)).map(({ id }) => id);
    if (fresh.length === 0) break;
    if (!(await repair(scope, input, round, { tests: fresh, runner: seen.tests.runner }))) break;
    seen = await runTests(scope, `test-${round}`, input, seen);
  }
  if ("status" in seen) return seen;
  await review(scope, code);
  return endOf(seen, failedBefore);
}

function endOf({ tests, failing, areGreen }: TestsSeen, failedBefore: ReadonlySet<string>): FlowEnd {
  const fresh = failing.filter(({ id }) => !failedBefore.has(id));
  const isWhole = areGreen || (tests.status === "failed" && fresh.length === 0);
  if (isWhole) return { status: "completed", tests };
  const what =
    fresh.length === 0 ? `the tests ended as ${tests.status}` : `${fresh.length} tests fail that did not before`;
  return { status: "failed", reason: what, tests };
}

/** Lets codegen write it, and applies what it wrote. */
async function write(
  scope: FlowScope,
  { goal, spec, language, path }: FeatureInput,
): Promise<{ readonly paths: readonly string[] } | FlowEnd> {
  const payload = {
    ...(goal !== undefined && { goal }),
    ...(spec !== undefined && { function: spec }),
    ...(language !== undefined && { language }),
    ...(path !== undefined && { path }),
  };
  try {
    const { delta } = await scope.agent({ id: "codegen", agent: "codegen", payload });
    if (delta.kind !== "diff")
      return { status: "failed", reason: delta.kind === "summary" ? delta.text : "nothing was written" };
    const against = await weakenings(scope, "judge", delta.diff);
    if (against.length > 0) return { status: "failed", reason: `refused: ${against.join("; ")}` };
    await scope.apply("codegen", delta.diff);
    const paths = delta.diff.files.map((file) => file.path);
    await scope.report({ id: "codegen", agent: "codegen", status: "done", summary: `writes ${paths.join(", ")}` });
    return { paths };
  } catch (error) {
    if (scope.endsWith(error)) throw error;
    const { code, message } = error as GloveboxError;
    await scope.report({ id: "codegen", agent: "codegen", status: "failed", summary: `${code}: ${message}` });
    return { status: "failed", reason: message };
  }
}

/** The errors in new code. */
async function analyse(scope: FlowScope, paths: readonly string[]): Promise<readonly string[]> {
  const outcome = await ask(scope, "static_analysis", { paths });
  return (outcome?.artifacts ?? []).flatMap((artifact) =>
    artifact.kind === "analysis" && artifact.severity === "error"
      ? [`${artifact.path ?? artifact.target}:${artifact.line ?? 1} ${artifact.details}`]
      : [],
  );
}

/** Generated tests were run before they were proposed; they join those that are there. */
async function moreTests(scope: FlowScope, paths: readonly string[]): Promise<void> {
  const outcome = await ask(scope, "testgen", { paths });
  if (outcome?.delta.kind !== "diff" || outcome.delta.diff.text === "") return;
  const against = await weakenings(scope, "judge testgen", outcome.delta.diff);
  if (against.length === 0) await scope.apply("testgen", outcome.delta.diff);
}

/** `false`: no change was found. */
async function repair(
  scope: FlowScope,
  { candidates, test_timeout_ms: testTimeoutMs, timeout_ms: timeoutMs }: FeatureInput,
  round: number,
  { tests, runner }: { readonly tests: readonly string[]; readonly runner: string },
): Promise<boolean> {
  const payload = { runner, tests: tests.slice(0, 1_000), testTimeoutMs, timeoutMs, budget: { candidates } };
  const outcome = await ask(scope, "debug", payload, `debug-${round}`);
  if (outcome?.delta.kind !== "diff") return false;
  const { against } = await judgeRepair(scope, `judge ${round}`, outcome.delta.diff, []);
  if (against.length > 0) {
    const summary = `refused: ${against.join("; ")}`;
    await scope.report({ id: `judge-debug-${round}`, status: "failed", summary });
    return false;
  }
  await scope.apply(`debug-${round}`, outcome.delta.diff);
  return true;
}

async function review(scope: FlowScope, paths: readonly string[]): Promise<void> {
  await ask(scope, "design_review", { paths });
}

/** Has an agent do what the flow can do without: that it cannot be done is told. */
async function ask(
  scope: FlowScope,
  agent: string,
  payload: Readonly<Record<string, unknown>>,
  id: string = agent,
): Promise<AgentOutcome | undefined> {
  try {
    const outcome = await scope.agent({ id, agent, payload });
    const { delta } = outcome;
    const summary =
      delta.kind === "summary"
        ? delta.text
        : delta.kind === "diff"
          ? `changes ${delta.diff.files.map(({ path }) => path).join(", ")}`
          : delta.id;
    await scope.report({ id, agent, status: "done", summary });
    return outcome;
  } catch (error) {
    if (scope.endsWith(error)) throw error;
    const { code, message } = error as GloveboxError;
    await scope.report({
      id,
      agent,
      status: code === "unavailable" ? "skipped" : "failed",
      summary: `${code}: ${message}`,
    });
    return undefined;
  }
}
