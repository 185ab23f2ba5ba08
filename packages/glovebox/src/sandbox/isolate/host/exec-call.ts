import { GloveboxError } from "../../../core/index.ts";
import type { Sandbox } from "../../driver.ts";
import type { OutputStream, ProcessExit, SandboxProcess } from "../../process.ts";
import type { CallContext, CallResult } from "./call-context.ts";
import { type Input, invalid, optionalNumber, text, workspacePath } from "./input.ts";

/** Bytes kept of each stream; a program that writes more is killed. */
const MAX_OUTPUT = 1_048_576;
const MAX_ARGUMENTS = 4096;
const MAX_ARGUMENT = 131_072;

/** Runs a program in the helper sandbox and waits for its end. It dies with the execution that calls. */
export async function execCall(context: CallContext, input: Input, stdin: Uint8Array | undefined): Promise<CallResult> {
  const timeoutMs = optionalNumber(input.timeoutMs);
  const helper = await context.helper();
  context.signal.throwIfAborted();
  const process = await helper.spawn({
    kind: "program",
    argv: argvOf(input.argv),
    env: envOf(input.env),
    cwd: input.cwd === undefined || input.cwd === null ? "/workspace" : workspacePath(input.cwd),
    stdin: stdin ? "pipe" : "null",
    ...(timeoutMs ? { limits: { wallMs: timeoutMs } } : {}),
  });
  const kill = () => void process.signal("SIGKILL", "tree").catch(() => undefined);
  context.signal.addEventListener("abort", kill, { once: true });
  try {
    if (context.signal.aborted) kill();
    if (stdin) void feed(process, stdin);
    return { json: JSON.stringify(await collect(helper, process)) };
  } finally {
    context.signal.removeEventListener("abort", kill);
  }
}

/** A program may end, or close its input, before it has read all: that is its own affair. */
async function feed(process: SandboxProcess, data: Uint8Array): Promise<void> {
  try {
    await process.write(data);
    await process.closeStdin();
  } catch {
    // It shows in how the program ends.
  }
}

async function collect(helper: Sandbox, process: SandboxProcess) {
  const kept: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [], control: [] };
  const sizes: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };
  let exit: ProcessExit | undefined;
  let tooMuch = false;
  for await (const item of process.output()) {
    if (item.kind === "exit") exit = item.exit;
    if (item.kind !== "output") continue;
    process.ack(item.stream, item.offset + item.data.length);
    sizes[item.stream] += item.data.length;
    if (sizes[item.stream] <= MAX_OUTPUT) kept[item.stream].push(item.data);
    else if (!tooMuch) {
      tooMuch = true;
      void process.signal("SIGKILL", "tree").catch(() => undefined);
    }
  }
  process.release();
  if (tooMuch) throw new GloveboxError("payload_too_large", `the program wrote more than ${MAX_OUTPUT} bytes`);
  if (!exit) throw new GloveboxError("unavailable", `the helper sandbox ended: ${(await helper.ended).kind}`);
  if (exit.limit === "wall") throw new GloveboxError("timeout", "the program ran longer than its timeout");
  const stringOf = (stream: OutputStream) => Buffer.concat(kept[stream]).toString("utf8");
  return {
    status: exit.code ?? null,
    signal: exit.signal ?? null,
    stdout: stringOf("stdout"),
    stderr: stringOf("stderr"),
  };
}

function argvOf(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_ARGUMENTS) throw invalid("no command");
  return value.map((item) => withoutNul(text(item, MAX_ARGUMENT)));
}

function envOf(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object") throw invalid("the environment must be an object");
  const entries = Object.entries(value).slice(0, 512);
  return Object.fromEntries(entries.map(([name, item]) => [withoutNul(name), withoutNul(text(item, MAX_ARGUMENT))]));
}

function withoutNul(value: string): string {
  if (value.includes("\0")) throw invalid("arguments and environment must not contain NUL");
  return value;
}
