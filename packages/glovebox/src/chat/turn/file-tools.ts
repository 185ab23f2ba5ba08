import type { Language } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import type { HookDecision } from "../hooks/hook.ts";
import { askAll } from "./ask-hooks.ts";
import { MAX_RESULT_BYTES } from "./result-text.ts";
import type { ToolInput } from "./tools.ts";
import type { TurnScope } from "./turn-scope.ts";

const MAX_LISTED = 1_000;

type FileTool = "read_file" | "write_file" | "list_files";
interface Told {
  readonly text: string;
  readonly decisions: readonly HookDecision[];
}

/** Does what a tool of files asks for, as one step, and gives what the model is told. What is read is masked and goes past the hooks like what programs print. */
export async function useFiles<N extends FileTool>(scope: TurnScope, name: N, input: ToolInput<N>): Promise<string> {
  const { context, parts, record, budget } = scope;
  const told = await context.step(
    name,
    input as never,
    async (given: ToolInput<FileTool>, step): Promise<Told> => {
      const sessionId = await scope.session(step);
      step.record("tool.called", { tool: name, sessionId });
      const files = await parts.services.sessions.files(context.tenantId, sessionId);
      if (name === "write_file")
        return { text: await write(files, given as ToolInput<"write_file">, step), decisions: [] };
      const text =
        name === "read_file"
          ? await read(files, given as ToolInput<"read_file">, step)
          : await list(files, given as ToolInput<"list_files">, step);
      return seen(scope, commandOf(name, given.path), text, step);
    },
    { retry: { maxAttempts: 1 }, ...(await budget.time()) },
  );
  record.decisions.push(...told.decisions);
  return told.text;
}

type Files = Awaited<ReturnType<TurnScope["parts"]["services"]["sessions"]["files"]>>;

async function read(files: Files, { path, offset = 0 }: ToolInput<"read_file">, { signal }: StepContext) {
  const options = { within: "workspace", signal } as const;
  const { size } = await files.stat(path, options);
  const pieces: Uint8Array[] = [];
  for await (const piece of files.read(path, { ...options, offset, limit: MAX_RESULT_BYTES })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const end = offset + bytes.length;
  const rest = end < size ? `\n[the file goes on: ${size} bytes in all, read on with offset ${end}]` : "";
  return `${bytes.toString("utf8")}${rest}`;
}

async function write(files: Files, { path, content }: ToolInput<"write_file">, { signal }: StepContext) {
  const { size } = await files.write(path, Buffer.from(content, "utf8"), {
    parents: true,
    within: "workspace",
    signal,
  });
  return `wrote ${size} bytes to ${path}`;
}

async function list(files: Files, { path, recursive }: ToolInput<"list_files">, { signal }: StepContext) {
  const lines: string[] = [];
  for await (const { path: name, kind, size } of files.list(path, { recursive, limit: MAX_LISTED + 1, signal })) {
    lines.push(kind === "file" ? `${name} (${size} bytes)` : kind === "dir" ? `${name}/` : `${name} (${kind})`);
  }
  if (lines.length === 0) return "(empty)";
  const isCut = lines.length > MAX_LISTED;
  return [...lines.slice(0, MAX_LISTED), ...(isCut ? [`[only the first ${MAX_LISTED} are listed]`] : [])].join("\n");
}

interface Command {
  readonly language: Language;
  readonly code: string;
}

/** What a hook is told that ran: the command that does the same. */
function commandOf(name: FileTool, path: string): Command {
  const quoted = `'${path.replaceAll("'", `'\\''`)}'`;
  return { language: "bash", code: `${name === "read_file" ? "cat" : "ls"} -- ${quoted}` };
}

async function seen(scope: TurnScope, command: Command, text: string, step: StepContext): Promise<Told> {
  const masked = scope.parts.outputRedactor.redact(text);
  if (scope.input.assistant.hooks.length === 0) return { text: masked, decisions: [] };
  const outcome = { ...command, status: "ok", stdout: masked, stderr: "" } as const;
  const { decisions, ...result } = await askAll(scope, "post_execution", outcome, step);
  if (result.outcome === "block")
    return { text: `withheld: the hook ${result.hook} blocks: ${result.reason}`, decisions };
  // Nobody is asked about a file: what would need a person is not shown.
  if (result.prompts.length > 0)
    return { text: `withheld: a person would have to agree: ${result.prompts.join("; ")}`, decisions };
  return { text: result.value.stdout, decisions };
}
