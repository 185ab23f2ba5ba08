import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** The one version of the messages. A message of another is refused. */
export const PROTOCOL_VERSION = 1;
export const ProtocolVersion = z.literal(PROTOCOL_VERSION);

/** Of built-in agents, the kinds of work that they do. */
export const TASK_TYPES = [
  "codegen",
  "testgen",
  "test_exec",
  "static_analysis",
  "debug",
  "performance",
  "design_review",
  "plan",
  "merge",
  "route",
  "evaluate",
] as const;

/** Outside agents may have types of their own, which begin with `x-`. */
export const TaskType = z.union([z.enum(TASK_TYPES), z.templateLiteral(["x-", z.string().regex(/[a-z0-9_-]{1,38}/)])]);
export type TaskType = z.infer<typeof TaskType>;

export const AgentName = z.string().regex(/^[a-z][a-z0-9_.-]{0,39}$/);

/** Unique in its run; together with its agent's name it names a step. */
export const TaskId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,58}$/);
export const RunId = z.string().min(1).max(100);
export const TraceId = z.string().min(1).max(200);

/** Within a repository: relative, with `/`, without `.` and `..`. */
export const RepositoryPath = z
  .string()
  .max(1_024)
  .regex(/^(?!(?:[\s\S]*\/)?\.{1,2}(?:\/|$))[^/\0]+(?:\/[^/\0]+)*$/);

/** From 1. */
export const Line = z.number().int().min(1).max(10_000_000);
export const Text = z.string().max(LIMITS.textChars);
export const ShortText = z.string().max(LIMITS.lineChars);
export const Content = z.string().max(LIMITS.contentChars);
/** SHA-256, hex. */
export const Hash = z.string().regex(/^[0-9a-f]{64}$/);
export const Count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** From 0 to 1. */
export const Share = z.number().min(0).max(1);

/** Any JSON object. Its depth and size are those of its message: see `parse-message.ts`. */
export const JsonObject = z.record(z.string().max(1_024), z.unknown());
export type JsonObject = z.infer<typeof JsonObject>;
