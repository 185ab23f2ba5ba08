import { type ExecutionInfo, type ExecutionInput, outputBytes, type StoredEvent } from "@glovebox/sdk";
import { z } from "zod";
import { Language } from "../../../core/schemas.ts";
import { BoundedText } from "../bounded-text.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, SESSION_OPERATIONS, SessionArgument, type ToolAnswer, type ToolCall } from "../tool.ts";

const ExecutionAnswer = z.object({
  session: z.string(),
  execution: z.string().describe("Its whole log is the resource glovebox://execution/{id}/log"),
  status: z.string().describe("`ok`, or why not: error, timeout, memory_limit, …"),
  exitCode: z.number().optional(),
  stdout: z.string(),
  stderr: z.string(),
  value: z.string().optional().describe("The last expression's value, as the language prints it"),
  exception: z.string().optional(),
  durationMs: z.number(),
  truncated: z.boolean().describe("Something of the output is not here"),
});
type ExecutionAnswer = z.infer<typeof ExecutionAnswer>;

const OPERATIONS = [
  ...SESSION_OPERATIONS,
  "executions.create",
  "executions.events",
  "executions.get",
  "executions.cancel",
] as const;

export const runCode = defineTool({
  name: "run_code",
  title: "Run code",
  description:
    "Runs code in a sandbox and answers what it printed, its value or its exception. Variables, imports and files stay for the next call with the same session.",
  operations: OPERATIONS,
  input: z.strictObject({
    language: Language,
    code: z.string().max(1_048_576),
    ...SessionArgument,
  }),
  output: ExecutionAnswer,
  run: ({ language, code, session }, call) => execute(call, session, { kind: "repl", language, input: code }),
});

export const runCommand = defineTool({
  name: "run_command",
  title: "Run a command",
  description:
    "Runs a program with its arguments in a sandbox, without a shell, and answers what it printed. Its working folder is /workspace.",
  operations: OPERATIONS,
  input: z.strictObject({
    argv: z.array(z.string().max(131_072)).min(1).max(1_024).describe("The program and its arguments"),
    ...SessionArgument,
  }),
  output: ExecutionAnswer,
  run: ({ argv, session }, call) => execute(call, session, { kind: "command", argv }),
});

/** A call that is cancelled, or whose caller goes away, cancels the execution with all its processes. */
async function execute(
  call: ToolCall,
  sessionId: string | undefined,
  input: ExecutionInput,
): Promise<ToolAnswer<ExecutionAnswer>> {
  const session = await call.session(sessionId);
  call.signal.throwIfAborted();
  // Not with the signal: what was started must be known, so that it can be cancelled.
  // In line, since models call several tools at once.
  const execution = await session.start({ stdin: "", onBusy: "queue", ...input });
  const output = new Output();
  let isOver = false;
  try {
    await call.whileTelling("running", async () => {
      for await (const event of execution.follow({ signal: call.signal })) output.take(event);
    });
    isOver = true;
  } finally {
    if (!isOver) await execution.cancel().catch(() => undefined);
  }
  return answerOf(await execution.refresh({ signal: call.signal }), output);
}

/** What an execution gave, within bounds: most of the room is for what it printed. */
class Output {
  readonly stdout = new BoundedText(MCP_LIMITS.textCharacters * 0.6);
  readonly stderr = new BoundedText(MCP_LIMITS.textCharacters * 0.2);
  readonly value = new BoundedText(MCP_LIMITS.textCharacters * 0.1);
  readonly exception = new BoundedText(MCP_LIMITS.textCharacters * 0.1);
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  take(event: StoredEvent): void {
    if (event.type === "stdout" || event.type === "stderr") {
      this[event.type].take(this.#decoders[event.type].decode(outputBytes(event.payload), { stream: true }));
    } else if (event.type === "console") {
      const { level, text } = event.payload;
      this[level === "error" || level === "warn" ? "stderr" : "stdout"].take(`${text}\n`);
    } else if (event.type === "value") {
      this.value.take(event.payload.preview);
    } else if (event.type === "exception") {
      const { name, message, stack } = event.payload;
      this.exception.take(stack ?? `${name}: ${message}`);
    }
  }

  get isCut(): boolean {
    return this.stdout.isCut || this.stderr.isCut || this.value.isCut || this.exception.isCut;
  }
}

function answerOf(info: ExecutionInfo, output: Output): ToolAnswer<ExecutionAnswer> {
  const { truncated, durationMs } = info.metrics;
  const structured: ExecutionAnswer = {
    session: info.sessionId,
    execution: info.id,
    status: info.status,
    ...(info.exitCode !== undefined && { exitCode: info.exitCode }),
    stdout: output.stdout.toString(),
    stderr: output.stderr.toString(),
    ...(!output.value.isEmpty && { value: output.value.toString() }),
    ...(!output.exception.isEmpty && { exception: output.exception.toString() }),
    durationMs,
    truncated: output.isCut || truncated.stdout || truncated.stderr,
  };
  const code = info.exitCode === undefined ? "" : `, exit code ${info.exitCode}`;
  const cut = structured.truncated ? `; cut: the log is glovebox://execution/${info.id}/log` : "";
  const parts = (["value", "exception", "stdout", "stderr"] as const).filter((name) => (structured[name] ?? "") !== "");
  const follows = parts.length === 0 ? "no output" : `${parts.join(", ")} below`;
  return {
    structured,
    text: [
      `${info.status}${code}; session ${info.sessionId}; ${follows}${cut}`,
      ...parts.map((name) => `${name}:\n${structured[name]}`),
    ],
    failed: info.status !== "ok",
  };
}
