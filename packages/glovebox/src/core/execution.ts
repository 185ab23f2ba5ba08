import { z } from "zod";
import { EventPayloads } from "./event.ts";
import { Language } from "./isolation.ts";
import { ExecutionLimits } from "./limits.ts";
import { Env } from "./template.ts";

export const ExecutionKind = z.enum(["startup", "repl", "run_file", "command"]);
export type ExecutionKind = z.infer<typeof ExecutionKind>;

export const ExecutionStatus = z.enum([
  "queued",
  "running",
  "ok",
  "error",
  "timeout",
  "cpu_limit",
  "memory_limit",
  "events_limit",
  "output_limit",
  "killed",
  "denied",
  "cancelled",
  "lost",
  "internal_error",
]);
export type ExecutionStatus = z.infer<typeof ExecutionStatus>;
export type FinalStatus = Exclude<ExecutionStatus, "queued" | "running">;

const noNul = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "must not contain NUL");

export const TerminalSize = z.strictObject({
  rows: z.number().int().min(1).max(1000),
  columns: z.number().int().min(1).max(1000),
});

export const ExecutionInput = z.strictObject({
  kind: z.enum(["repl", "run_file", "command"]),
  language: Language.optional(),
  /** `repl`: the code. */
  input: noNul(8 * 1_048_576).optional(),
  /** `run_file`: a path in the workspace. */
  path: noNul(4096).optional(),
  /** `command`: the program and its arguments. */
  argv: z.array(noNul(131_072)).min(1).max(4096).optional(),
  /** `run_file`: the file's arguments. */
  args: z.array(noNul(131_072)).max(4096).optional(),
  env: Env.optional(),
  cwd: noNul(4096).optional(),
  limits: ExecutionLimits.partial().optional(),
  onOutputLimit: z.enum(["truncate", "stop"]).optional(),
  /** What a second caller gets while another execution runs. Default `reject`. */
  onBusy: z.enum(["reject", "queue"]).optional(),
  /** `command` only: does not take the session's turn; its deadline is `wallMs` if given, else the session's lifetime. */
  background: z.boolean().optional(),
  /** `command` only: a terminal of this size instead of pipes. */
  terminal: TerminalSize.optional(),
  /** Text for stdin, closed after it. Without it stdin stays open for writes, or is empty when the caller waits (`wait: true`). */
  stdin: z
    .string()
    .max(8 * 1_048_576)
    .optional(),
  /** `repl` and `run_file` in Python, JavaScript and TypeScript: pinned packages, installed into the session first, where its network allows. */
  requirements: z.array(noNul(256)).max(64).optional(),
  idempotencyKey: z.string().min(1).max(256).optional(),
});
export type ExecutionInput = z.infer<typeof ExecutionInput>;

export const ExecutionMetrics = z.strictObject({
  queuedMs: z.number(),
  durationMs: z.number(),
  cpuMs: z.number(),
  maxRssKb: z.number(),
  events: z.number().int(),
  outputBytes: z.number().int(),
  truncated: z.strictObject({ stdout: z.boolean(), stderr: z.boolean() }),
});
export type ExecutionMetrics = z.infer<typeof ExecutionMetrics>;

export const Execution = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  sessionId: z.string(),
  kind: ExecutionKind,
  language: Language.optional(),
  input: z.string().optional(),
  path: z.string().optional(),
  argv: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
  env: Env,
  cwd: z.string(),
  background: z.boolean(),
  status: ExecutionStatus,
  exitCode: z.number().int().optional(),
  signal: z.string().optional(),
  result: EventPayloads.value.optional(),
  error: EventPayloads.exception.optional(),
  metrics: ExecutionMetrics,
  idempotencyKey: z.string().optional(),
  createdAt: z.string(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
});
export type Execution = z.infer<typeof Execution>;
