import { z } from "zod";
import { Language } from "../../core/schemas.ts";
import type { ModelTool } from "../../models/index.ts";

const MAX_CODE = 1_000_000;
const Path = z.string().min(1).max(4_096).describe("Relative to the workspace, /workspace");

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
} as const;

export type ToolName = keyof typeof TOOLS;
export type ToolInput<N extends ToolName> = z.output<(typeof TOOLS)[N]["input"]>;

/** A call that makes sense, or why it makes none, in words for a model. */
export type CheckedCall =
  | { readonly [N in ToolName]: { readonly name: N; readonly input: ToolInput<N> } }[ToolName]
  | { readonly problem: string };

/** As a model is offered them. */
export const MODEL_TOOLS: readonly ModelTool[] = Object.entries(TOOLS).map(([name, { description, input }]) => {
  const { $schema: _schema, ...inputSchema } = z.toJSONSchema(input, { io: "input" });
  return { name, description, inputSchema };
});

/** Holds what a model called against what there is. */
export function checkCall(name: string, input: unknown): CheckedCall {
  if (!isToolName(name)) {
    return { problem: `there is no tool '${name.slice(0, 100)}'; there are ${Object.keys(TOOLS).join(", ")}` };
  }
  const parsed = TOOLS[name].input.safeParse(input);
  if (parsed.success) return { name, input: parsed.data } as CheckedCall;
  return { problem: `the arguments of ${name} do not fit:\n${z.prettifyError(parsed.error).slice(0, 2_000)}` };
}

function isToolName(name: string): name is ToolName {
  return Object.hasOwn(TOOLS, name);
}
