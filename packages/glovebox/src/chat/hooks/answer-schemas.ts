import { z } from "zod";
import { ExecutionStatus, Language } from "../../core/schemas.ts";
import type { HookPoint } from "./hook.ts";

const text = (max: number) => z.string().max(max);
const MAX_TEXT = 4 * 1_048_576;

const ToolCall = z.strictObject({ id: text(256), name: text(256), input: z.json() });

/** As in the room `models`, of whoever may not be believed. */
const Message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), text: text(MAX_TEXT) }),
  z.strictObject({
    role: z.literal("assistant"),
    text: text(MAX_TEXT),
    toolCalls: z.array(ToolCall).max(128).exactOptional(),
  }),
  z.strictObject({
    role: z.literal("tool"),
    callId: text(256),
    name: text(256),
    text: text(MAX_TEXT),
    isError: z.boolean().exactOptional(),
  }),
]);

const Code = {
  language: Language,
  code: text(1_048_576),
  tool: z.strictObject({ name: text(64), input: z.record(z.string().max(100), z.json()) }).exactOptional(),
};

const VALUES = {
  pre_llm: z.strictObject({ messages: z.array(Message).max(2_000) }),
  post_llm: z.strictObject({ text: text(MAX_TEXT) }),
  pre_execution: z.strictObject(Code),
  post_execution: z.strictObject({
    ...Code,
    status: ExecutionStatus,
    exitCode: z.number().int().exactOptional(),
    stdout: text(MAX_TEXT),
    stderr: text(MAX_TEXT),
    durationMs: z.number().min(0).exactOptional(),
  }),
} as const;

const notes = z
  .array(z.strictObject({ code: text(128), message: text(2_000) }))
  .max(20)
  .exactOptional();
const reason = text(2_000);

function answerSchema<V extends z.ZodType>(value: V) {
  return z.discriminatedUnion("decision", [
    z.strictObject({ decision: z.literal("allow"), notes }),
    z.strictObject({ decision: z.literal("block"), reason: reason.min(1), notes }),
    z.strictObject({ decision: z.literal("modify"), value, reason: reason.exactOptional(), notes }),
    z.strictObject({ decision: z.literal("ask"), prompt: reason.min(1), notes }),
  ]);
}

/** What a hook may answer at each point. Hooks may be anybody's: whatever does not fit blocks. */
export const ANSWER_SCHEMAS = {
  pre_llm: answerSchema(VALUES.pre_llm),
  post_llm: answerSchema(VALUES.post_llm),
  pre_execution: answerSchema(VALUES.pre_execution),
  post_execution: answerSchema(VALUES.post_execution),
} as const satisfies Readonly<Record<HookPoint, z.ZodType>>;
