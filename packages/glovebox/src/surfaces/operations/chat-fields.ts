import { z } from "zod";
import { ERROR_CODES } from "../../core/index.ts";
import { ExecutionStatus, Language } from "../../core/schemas.ts";
import { Id } from "./fields.ts";

/** What the operations of the chat take and answer. */

const Note = z.strictObject({ code: z.string(), message: z.string() });

const ToolCall = z.strictObject({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(128),
  /** As the model gave it. */
  input: z.unknown(),
});

const Text = z.string().max(1_000_000);

export const ChatMessage = z.discriminatedUnion("role", [
  z.strictObject({ role: z.literal("user"), text: Text }),
  z.strictObject({ role: z.literal("assistant"), text: Text, toolCalls: z.array(ToolCall).max(128).optional() }),
  z.strictObject({
    role: z.literal("tool"),
    callId: z.string().min(1).max(256),
    name: z.string().min(1).max(128),
    text: Text,
    isError: z.boolean().optional(),
  }),
]);

const BLOCK_DECISIONS = ["executed", "shown", "blocked", "refused", "disabled"] as const;

const TurnBlock = z.strictObject({
  index: z.number().int(),
  language: Language.nullable(),
  code: z.string(),
  /** In the answer, UTF-16 units; absent for a tool's code. */
  start: z.number().int().optional(),
  end: z.number().int().optional(),
  confidence: z.number(),
  decision: z.enum(BLOCK_DECISIONS),
  reason: z.string(),
  /** The rule that decided. */
  rule: z.string().optional(),
  notes: z.array(Note),
  executionId: z.string().optional(),
  approvalId: z.string().optional(),
});

const TurnExecution = z.strictObject({
  id: z.string(),
  /** The `index` of its block. */
  block: z.number().int(),
  language: Language,
  status: ExecutionStatus,
  exitCode: z.number().int().optional(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean(),
  value: z.string().optional(),
  rolledBack: z.boolean(),
});

const HookDecision = z.strictObject({
  hook: z.string(),
  point: z.enum(["pre_llm", "post_llm", "pre_execution", "post_execution"]),
  decision: z.enum(["allow", "block", "modify", "ask"]),
  reason: z.string().optional(),
  notes: z.array(Note),
});

const Usage = z.strictObject({
  inputTokens: z.number(),
  outputTokens: z.number(),
  /** US dollars; absent: unknown. */
  dollars: z.number().optional(),
});

/** What a turn came to. */
export const Turn = z.strictObject({
  runId: z.string(),
  conversationId: z.string(),
  assistant: z.string(),
  model: z.string(),
  status: z.enum(["completed", "error", "cancelled"]),
  error: z.strictObject({ code: z.enum(ERROR_CODES).or(z.string()), message: z.string() }).optional(),
  text: z.string(),
  blocks: z.array(TurnBlock),
  executions: z.array(TurnExecution),
  decisions: z.array(HookDecision),
  usage: Usage,
  /** Of the caller's own tools: for the caller to make. */
  toolCalls: z.array(ToolCall).optional(),
  finish: z.enum(["stop", "length", "tools", "filtered"]).optional(),
});

export const Conversation = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  assistant: z.string(),
  title: z.string(),
  turns: z.number().int(),
  sessionId: z.string().optional(),
  forkedFrom: z.string().optional(),
  /** The turn that is under way. */
  currentRunId: z.string().optional(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

/** With what was said, oldest first, and the runs of its turns. */
export const WholeConversation = z.strictObject({
  ...Conversation.shape,
  messages: z.array(ChatMessage),
  runs: z.array(z.string()),
});

export const ApprovalStatus = z.enum(["pending", "approved", "refused", "expired", "withdrawn"]);

export const Approval = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  runId: z.string(),
  conversationId: z.string(),
  prompt: z.string(),
  language: Language.optional(),
  code: z.string().optional(),
  status: ApprovalStatus,
  reason: z.string().optional(),
  /** The name of a token. */
  decidedBy: z.string().optional(),
  createdAt: z.string(),
  expiresAt: z.string(),
  decidedAt: z.string().optional(),
});

/** An assistant as clients see it: neither where its model is reached, nor which variables hold keys, nor a script. */
export const AssistantView = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  model: z.strictObject({
    provider: z.string(),
    name: z.string(),
    temperature: z.number(),
    maxTokens: z.number().optional(),
    /** Other models that a request may name. */
    allow: z.array(z.string()),
  }),
  systemPrompt: z.string(),
  execution: z.strictObject({
    enabled: z.boolean(),
    mode: z.enum(["answer", "tool"]),
    template: z.string(),
    allowedLanguages: z.array(Language).optional(),
    autoExecuteThreshold: z.number(),
    askThreshold: z.number(),
    timeoutMs: z.number(),
    maxCodeLength: z.number(),
    snapshots: z.strictObject({
      auto: z.enum(["never", "before_execution", "after_success"]),
      rollbackOnFailure: z.boolean(),
    }),
    rules: z.record(z.string(), z.enum(["block", "ask", "warn", "off"])),
  }),
  /** In the order in which they run: the name of a built-in one; of a module and of an endpoint only that it is one. */
  hooks: z.array(z.strictObject({ kind: z.enum(["builtin", "module", "http"]), name: z.string().optional() })),
  budget: z.strictObject({
    tokens: z.number().optional(),
    usd: z.number().optional(),
    wallMs: z.number().optional(),
    toolCalls: z.number().optional(),
  }),
  approvalTimeoutMs: z.number(),
});

export const AssistantName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "not an assistant's name");

export const ChatRequest = z.strictObject({
  assistant: AssistantName,
  /** What is new; the last one is the user's. */
  messages: z.array(ChatMessage).min(1).max(1000),
  /** Absent: a new one. */
  conversationId: Id.optional(),
  /** One that the assistant allows. */
  model: z.string().min(1).max(256).optional(),
  /** Answer with server-sent events, as `Accept: text/event-stream` asks for, too. */
  stream: z.boolean().optional(),
});
