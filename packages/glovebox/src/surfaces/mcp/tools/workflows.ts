import type { CiRun } from "@glovebox/sdk";
import { z } from "zod";
import { Id } from "../../operations/fields.ts";
import { defineTool, type ToolAnswer } from "../tool.ts";

const MAX_JOBS = 64;

const WorkflowRun = z.object({
  run: z.string(),
  workflow: z.string(),
  status: z.string(),
  conclusion: z.string().optional(),
  jobs: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      conclusion: z.string().optional(),
      failedStep: z.string().optional(),
    }),
  ),
  truncated: z.boolean(),
});

export const runWorkflow = defineTool({
  name: "run_workflow",
  title: "Run a repository's workflows",
  description:
    "Starts GitHub workflows of a repository that the server knows, at a commit or a branch. They go on by themselves; look after each with `get_workflow_run`.",
  operations: ["ci.runs.start"],
  input: z.strictObject({
    repository: Id.describe("The repository's id"),
    workflow: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe("Path of one workflow file; default all that the event starts"),
    event: z.string().min(1).max(64).optional().describe("Default `workflow_dispatch` with `workflow`, else `push`"),
    ref: z.string().min(1).max(256).optional().describe("Default the default branch"),
    inputs: z.record(z.string().max(128), z.union([z.string().max(65_536), z.number(), z.boolean()])).optional(),
  }),
  output: z.object({ runs: z.array(WorkflowRun) }),
  run: async ({ repository, workflow, event, ref, inputs }, call) => {
    const name = event ?? (workflow === undefined ? "push" : "workflow_dispatch");
    const { items } = await call.box.ci.start(
      {
        source: { kind: "repository", repositoryId: repository },
        event: { name, ref },
        inputs,
        ...(workflow !== undefined && { workflows: [workflow] }),
      },
      { signal: call.signal },
    );
    const runs = items.map(shown);
    return {
      structured: { runs },
      text: [runs.length === 0 ? "the event starts no workflow" : runs.map(lineOf).join("\n")],
    };
  },
});

export const getWorkflowRun = defineTool({
  name: "get_workflow_run",
  title: "Look after a workflow run",
  description: "Tells how a run of a workflow stands: its jobs, and of failed ones the step that failed.",
  operations: ["ci.runs.get"],
  readOnly: true,
  input: z.strictObject({ run: Id }),
  output: WorkflowRun,
  run: async ({ run }, call): Promise<ToolAnswer<z.infer<typeof WorkflowRun>>> => {
    const structured = shown(await call.box.ci.get(run, { signal: call.signal }));
    return { structured, text: [lineOf(structured)], failed: structured.conclusion === "failure" };
  },
});

function shown({ id, workflow, status, conclusion, jobs }: CiRun): z.infer<typeof WorkflowRun> {
  return {
    run: id,
    workflow: workflow.path,
    status,
    ...(conclusion !== undefined && { conclusion }),
    jobs: jobs.slice(0, MAX_JOBS).map((job) => {
      const failed = job.steps.find((step) => step.conclusion === "failure")?.name;
      return {
        ...{ name: job.name, status: job.status },
        ...(job.conclusion !== undefined && { conclusion: job.conclusion }),
        ...(failed !== undefined && { failedStep: failed }),
      };
    }),
    truncated: jobs.length > MAX_JOBS,
  };
}

function lineOf({ run, status, conclusion }: z.infer<typeof WorkflowRun>): string {
  return `workflow run ${run}: ${conclusion ?? status}`;
}
