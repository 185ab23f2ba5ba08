import type { FlowRun } from "@glovebox/sdk";
import { z } from "zod";
import { FlowAnswer } from "../../../agents/index.ts";
import { Id } from "../../operations/fields.ts";
import { defineTool, type ToolAnswer } from "../tool.ts";

/** Of a diff, characters: what is longer is cut, and the run has the whole. */
const MAX_DIFF = 60_000;
const MAX_STEPS = 100;

const FlowState = z.object({
  run: z.string(),
  flow: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  steps: z.array(z.object({ id: z.string(), status: z.string(), summary: z.string() })),
  branch: z.string().optional(),
  diff: z.string(),
  tests: z
    .object({ status: z.string(), passed: z.number(), failed: z.number(), failing: z.array(z.string()) })
    .optional(),
  suspects: z.array(z.object({ path: z.string(), line: z.number(), score: z.number() })).optional(),
  questions: z.array(z.object({ id: z.string(), kind: z.string(), text: z.string() })),
  truncated: z.boolean(),
});

export const listFlows = defineTool({
  name: "list_flows",
  title: "List flows",
  description: "Lists the flows that can be started by name, with the JSON Schema of each one's input.",
  operations: ["flows.list"],
  readOnly: true,
  input: z.strictObject({}),
  output: z.object({
    flows: z.array(
      z.object({
        name: z.string(),
        version: z.string(),
        description: z.string(),
        repository: z.boolean().describe("It works on a repository"),
        input: z.record(z.string(), z.unknown()),
      }),
    ),
  }),
  run: async (_args, call) => {
    const { items } = await call.box.flows.list({ signal: call.signal });
    const flows = items.map(({ name, version, description, repository, input }) => {
      return { name, version, description, repository, input: { ...input } };
    });
    return { structured: { flows }, text: [`${flows.length} flows`, ...flows.map(({ name }) => name)] };
  },
});

export const runFlow = defineTool({
  name: "run_flow",
  title: "Let agents work on a repository",
  description:
    "Starts a flow, such as `fix-failing` or `feature-add`, on a repository that the server knows. It goes on by itself; look after it with `get_flow_run`.",
  operations: ["flows.start"],
  input: z.strictObject({
    flow: z
      .string()
      .min(1)
      .max(60)
      .describe("Its name: `fix-failing` repairs what makes tests fail, `feature-add` writes what `goal` says"),
    repository: Id.optional().describe("The repository's id; flows that work on none are started without"),
    ref: z.string().min(1).max(256).optional().describe("A branch, a tag or a commit; default the default branch"),
    input: z
      .record(z.string().max(100), z.unknown())
      .optional()
      .describe('As the flow\'s input says, e.g. {goal: "add two numbers"}'),
  }),
  output: z.object({ run: z.string(), flow: z.string(), status: z.string() }),
  run: async ({ flow, repository, ref, input }, call) => {
    const source =
      repository === undefined
        ? undefined
        : { kind: "repository" as const, repositoryId: repository, ...(ref !== undefined && { ref }) };
    const { run } = await call.box.flows.start(
      { flow, input, ...(source !== undefined && { setup: { repository: source } }) },
      { signal: call.signal },
    );
    return { structured: { run: run.id, flow, status: run.status }, text: [`flow run ${run.id}: ${run.status}`] };
  },
});

export const getFlowRun = defineTool({
  name: "get_flow_run",
  title: "Look after a run of a flow",
  description:
    "Tells how a run of a flow stands: its steps, the diff, the tests, the suspects, and what it asks people.",
  operations: ["flows.run"],
  readOnly: true,
  input: z.strictObject({ run: Id }),
  output: FlowState,
  run: async ({ run }, call): Promise<ToolAnswer<z.infer<typeof FlowState>>> => {
    const structured = shown(await call.box.flows.run(run, { signal: call.signal }));
    const { status, reason, diff } = structured;
    const said = `flow run ${run}: ${status}${reason === undefined ? "" : `, ${reason}`}`;
    return { structured, text: diff === "" ? [said] : [said, diff], failed: status === "failed" };
  },
});

export const answerFlow = defineTool({
  name: "answer_flow",
  title: "Answer what a flow asks",
  description:
    "Answers a question of a run of a flow: `approved` to one that asks for approval, `answer` to one that asks for a text, `diff` to one that lets a diff be changed.",
  operations: ["flows.answer"],
  input: z.strictObject({
    run: Id,
    question: z.string().min(1).max(100).optional().describe("Its id; default: the only one that is open"),
    ...FlowAnswer.shape,
  }),
  output: FlowState,
  run: async ({ run, ...answer }, call) => {
    const structured = shown(await call.box.flows.answer(run, answer, { signal: call.signal }));
    return { structured, text: [`flow run ${run}: ${structured.status}`] };
  },
});

function shown(view: FlowRun): z.infer<typeof FlowState> {
  const { runId, flow, status, reason, steps, branch, diff, tests, suspects, questions } = view;
  return {
    ...{ run: runId, flow, status, diff: diff.slice(0, MAX_DIFF) },
    ...(reason !== undefined && { reason }),
    steps: steps
      .slice(0, MAX_STEPS)
      .map(({ id, status: state, summary }) => ({ id, status: state, summary: summary.slice(0, 500) })),
    ...(branch !== null && { branch }),
    ...(tests !== null && {
      tests: { status: tests.status, passed: tests.passed, failed: tests.failed, failing: tests.failing.slice(0, 20) },
    }),
    ...(suspects !== undefined && { suspects: suspects.slice(0, 20).map((suspect) => ({ ...suspect })) }),
    questions: questions.map(({ id, kind, text }) => ({ id, kind, text: text.slice(0, 2_000) })),
    truncated: diff.length > MAX_DIFF || steps.length > MAX_STEPS,
  };
}
