import { z } from "zod";
import { Language } from "../../core/schemas.ts";
import type { ModelTool } from "../../models/index.ts";

const MAX_CODE = 1_000_000;
const Path = z.string().min(1).max(4_096).describe("Relative to the workspace, /workspace");

const Words = z.string().min(1).max(4_096);
const Run = z.string().min(1).max(64).describe("The run, as `run_flow` gave it");
const Json = z.record(z.string().max(100), z.json());

/** What each tool takes, and what it is told to do. */
const TOOLS = {
  execute_code: {
    description:
      "Runs code in your sandbox and gives what it printed. State (variables, files) is kept between calls of one language.",
    input: z.strictObject({ language: Language, code: z.string().max(MAX_CODE) }),
  },
  read_file: {
    description: "Reads a text file of the workspace. Long files are cut: give `offset`, in bytes, to read on.",
    input: z.strictObject({ path: Path, offset: z.number().int().min(0).optional() }),
  },
  write_file: {
    description: "Writes a text file into the workspace, with the folders on its way, in place of what was there.",
    input: z.strictObject({ path: Path, content: z.string().max(MAX_CODE) }),
  },
  list_files: {
    description: "Lists a folder of the workspace.",
    input: z.strictObject({ path: Path.default("."), recursive: z.boolean().default(false) }),
  },
  snapshot: {
    description: "Keeps the workspace as it is now; gives an id for `rollback`.",
    input: z.strictObject({}),
  },
  rollback: {
    description: "Puts the workspace back as it was when the snapshot was taken.",
    input: z.strictObject({ snapshot: z.string().min(1).max(64) }),
  },
  search_context: {
    description:
      "Searches what is known about the project (code, notes, test results, lessons), by words and by nearness.",
    input: z.strictObject({
      query: Words,
      filter: Words.optional().describe("`key=value …`: kind, path, origin, or a name of the metadata"),
      k: z.number().int().min(1).max(20).default(8).describe("How many pieces"),
    }),
  },
  run_flow: {
    description:
      "Has agents work on a copy of your workspace: `fix-failing` repairs what makes its tests fail, `feature-add` writes what the input's `goal` says; there may be others. Gives a run, which goes on by itself: look at it with `get_flow_run`.",
    input: z.strictObject({
      flow: z.string().min(1).max(60),
      input: Json.default({}).describe('As the flow wants it, e.g. {"goal": "add two numbers"}'),
    }),
  },
  get_flow_run: {
    description:
      "Tells how a flow stands: its steps, its tests, what it asks people, its diff. Waits for its end, as long as `waitSeconds`.",
    input: z.strictObject({ run: Run, waitSeconds: z.number().int().min(0).max(600).default(60) }),
  },
  apply_flow_run: {
    description:
      "Puts what a flow has changed into your workspace. Where a file is not as it was any more, nothing is changed.",
    input: z.strictObject({ run: Run }),
  },
  ask_agent: {
    description:
      "Has one agent do one task on a copy of your workspace, and gives its answer: `test_exec` runs the tests, `static_analysis` and `design_review` look at the code; there may be others.",
    input: z.strictObject({
      agent: z.string().min(1).max(40),
      task: z.string().min(1).max(40).optional().describe("The type of the task, where the agent does more than one"),
      payload: Json.default({}).describe("As the agent wants it"),
    }),
  },
} as const;

/** Those that reach beyond the conversation's sandbox. */
export type ProjectTool = "search_context" | "run_flow" | "get_flow_run" | "apply_flow_run" | "ask_agent";

export type ToolName = keyof typeof TOOLS;
export type ToolInput<N extends ToolName> = z.output<(typeof TOOLS)[N]["input"]>;

/** A call that makes sense, or why it makes none, in words for a model. */
export type CheckedCall =
  | { readonly [N in ToolName]: { readonly name: N; readonly input: ToolInput<N> } }[ToolName]
  | { readonly problem: string };

export const TOOL_NAMES = Object.keys(TOOLS) as [ToolName, ...ToolName[]];

/** The operation that whoever asks must be allowed to do for a tool to be offered; what works in the conversation's own sandbox needs no more than the conversation. */
export const TOOL_NEEDS: Readonly<Record<ProjectTool, string>> = {
  search_context: "context.search",
  run_flow: "flows.start",
  get_flow_run: "flows.run",
  apply_flow_run: "flows.run",
  ask_agent: "agents.run",
};

/** What an assistant has unless it says otherwise: what works in its own sandbox. */
export const OWN_TOOLS: readonly ToolName[] = [
  "execute_code",
  "read_file",
  "write_file",
  "list_files",
  "snapshot",
  "rollback",
];

/** As a model is offered them. */
export function modelTools(names: readonly ToolName[]): readonly ModelTool[] {
  return names.map((name) => {
    const { description, input } = TOOLS[name];
    const { $schema: _schema, ...inputSchema } = z.toJSONSchema(input, { io: "input" });
    return { name, description, inputSchema };
  });
}

/** Holds what a model called against what it has. */
export function checkCall(names: readonly ToolName[], name: string, input: unknown): CheckedCall {
  const known = names.find((one) => one === name);
  if (known === undefined)
    return { problem: `there is no tool '${name.slice(0, 100)}'; there are ${names.join(", ")}` };
  const parsed = TOOLS[known].input.safeParse(input);
  if (parsed.success) return { name: known, input: parsed.data } as CheckedCall;
  return { problem: `the arguments of ${known} do not fit:\n${z.prettifyError(parsed.error).slice(0, 2_000)}` };
}
