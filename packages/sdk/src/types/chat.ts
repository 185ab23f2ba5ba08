import type { ErrorCode } from "../errors.ts";
import type { ExecutionStatus } from "./execution.ts";
import type { Language } from "./isolation.ts";
import type { Json } from "./json.ts";

/** A call of a tool that a model wants made. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model gave it: nobody has checked it. */
  readonly input?: unknown;
}

export type ChatMessage =
  | { readonly role: "user"; readonly text: string }
  | {
      readonly role: "assistant";
      readonly text: string;
      readonly toolCalls?: readonly ToolCall[] | undefined;
    }
  | {
      readonly role: "tool";
      readonly callId: string;
      readonly name: string;
      readonly text: string;
      readonly isError?: boolean | undefined;
    };

export interface ChatInput {
  /** By name. */
  readonly assistant: string;
  /** What is new; the last one is the user's. */
  readonly messages: readonly ChatMessage[];
  /** Default: a new conversation. */
  readonly conversationId?: string | undefined;
  /** One that the assistant allows; default: its own. */
  readonly model?: string | undefined;
}

export interface HookNote {
  readonly code: string;
  readonly message: string;
}

/** What was decided about a piece of code, and what came of it. */
export interface TurnBlock {
  /** From 0, over the turn. */
  readonly index: number;
  readonly language: Language | null;
  readonly code: string;
  /** In the answer, UTF-16 units; absent for a tool's code. */
  readonly start?: number;
  readonly end?: number;
  readonly confidence: number;
  readonly decision: "executed" | "shown" | "blocked" | "refused" | "disabled";
  readonly reason: string;
  /** The rule that decided. */
  readonly rule?: string;
  readonly notes: readonly HookNote[];
  readonly executionId?: string;
  readonly approvalId?: string;
}

export interface TurnExecution {
  readonly id: string;
  /** The `index` of its block. */
  readonly block: number;
  readonly language: Language;
  readonly status: ExecutionStatus;
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  /** Of code whose last expression has a value. */
  readonly value?: string;
  /** The workspace went back to the last known good state. */
  readonly rolledBack: boolean;
}

export interface HookDecision {
  readonly hook: string;
  readonly point: "pre_llm" | "post_llm" | "pre_execution" | "post_execution";
  readonly decision: "allow" | "block" | "modify" | "ask";
  readonly reason?: string;
  readonly notes: readonly HookNote[];
}

/** What a turn came to. */
export interface Turn {
  readonly runId: string;
  readonly conversationId: string;
  readonly assistant: string;
  readonly model: string;
  /** `error`: the model went away, or the budget is used up; what had come is kept. */
  readonly status: "completed" | "error" | "cancelled";
  readonly error?: { readonly code: ErrorCode | (string & {}); readonly message: string };
  /** What the model said. In tool mode: its last words. */
  readonly text: string;
  readonly blocks: readonly TurnBlock[];
  readonly executions: readonly TurnExecution[];
  readonly decisions: readonly HookDecision[];
  readonly usage: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    /** US dollars; absent: unknown. */
    readonly dollars?: number;
  };
  readonly toolCalls?: readonly ToolCall[];
  readonly finish?: "stop" | "length" | "tools" | "filtered";
}

/** One thing that happens in a turn, as it happens. */
export type TurnEvent =
  | { readonly type: "started"; readonly runId: string; readonly conversationId: string }
  /** `attempt` grows when the model is asked anew: then its text begins anew. */
  | { readonly type: "text"; readonly text: string; readonly attempt: number }
  | { readonly type: "decision"; readonly decision: HookDecision }
  | { readonly type: "block"; readonly block: TurnBlock }
  | { readonly type: "approval"; readonly approval: Approval }
  | { readonly type: "tool_called"; readonly callId: string; readonly name: string; readonly input: Json }
  /** What it gave is in the conversation's messages. */
  | { readonly type: "tool_answered"; readonly callId: string; readonly name: string; readonly isError: boolean }
  | { readonly type: "execution_started"; readonly executionId: string; readonly block: number }
  | {
      readonly type: "output";
      readonly executionId: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  | { readonly type: "execution"; readonly execution: TurnExecution }
  | { readonly type: "completed"; readonly result: Turn };

export interface AssistantInfo {
  readonly name: string;
  readonly description?: string;
  readonly model: {
    readonly provider: string;
    readonly name: string;
    readonly temperature: number;
    readonly maxTokens?: number;
    /** Other models that a request may name. */
    readonly allow: readonly string[];
  };
  readonly systemPrompt: string;
  readonly execution: {
    readonly enabled: boolean;
    readonly mode: "answer" | "tool";
    readonly template: string;
    readonly allowedLanguages?: readonly Language[];
    readonly autoExecuteThreshold: number;
    readonly askThreshold: number;
    readonly timeoutMs: number;
    readonly maxCodeLength: number;
    readonly snapshots: {
      readonly auto: "never" | "before_execution" | "after_success";
      readonly rollbackOnFailure: boolean;
    };
    readonly rules: Readonly<Record<string, "block" | "ask" | "warn" | "off">>;
  };
  readonly hooks: readonly { readonly kind: "builtin" | "module" | "http"; readonly name?: string }[];
  readonly budget: {
    readonly tokens?: number;
    readonly usd?: number;
    readonly wallMs?: number;
    readonly toolCalls?: number;
  };
  readonly approvalTimeoutMs: number;
}

export interface Conversation {
  readonly id: string;
  readonly tenantId: string;
  readonly assistant: string;
  /** The first words of the first question. */
  readonly title: string;
  /** Turns that have ended. */
  readonly turns: number;
  /** Its sandbox, once it has one. */
  readonly sessionId?: string;
  readonly forkedFrom?: string;
  /** The turn that is under way. */
  readonly currentRunId?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface WholeConversation extends Conversation {
  readonly messages: readonly ChatMessage[];
  readonly runs: readonly string[];
}

export interface ConversationFilter {
  readonly assistant?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ConversationExecutionFilter {
  readonly language?: Language | undefined;
  readonly outcome?: "ok" | "failed" | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export type ApprovalStatus = "pending" | "approved" | "refused" | "expired" | "withdrawn";

/** A question to a person. */
export interface Approval {
  readonly id: string;
  readonly tenantId: string;
  readonly runId: string;
  readonly conversationId: string;
  readonly prompt: string;
  readonly language?: Language;
  readonly code?: string;
  readonly status: ApprovalStatus;
  readonly reason?: string;
  /** The name of a token. */
  readonly decidedBy?: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly decidedAt?: string;
}

export interface ApprovalFilter {
  readonly status?: ApprovalStatus | undefined;
  readonly conversationId?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}
