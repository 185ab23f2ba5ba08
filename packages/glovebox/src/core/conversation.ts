import type { Language } from "./isolation.ts";

/** A call that a model wants made. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** As the model gave it: parsed JSON that nobody has checked against the tool's schema, or the text itself where it was no JSON. */
  readonly input: unknown;
}

/** What a conversation has said so far. Text and tool traffic only: what Glovebox's models are asked about is code. */
export type ModelMessage =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | {
      readonly role: "tool";
      readonly callId: string;
      readonly name: string;
      readonly text: string;
      readonly isError?: boolean;
    };

/** A chat with an assistant. Times are RFC 3339. */
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

/** What one turn added to a conversation. */
export interface ConversationTurn {
  readonly runId: string;
  readonly messages: readonly ModelMessage[];
}

export type ApprovalStatus = "pending" | "approved" | "refused" | "expired" | "withdrawn";

/** A question to a person. */
export interface Approval {
  readonly id: string;
  readonly tenantId: string;
  readonly runId: string;
  readonly conversationId: string;
  readonly prompt: string;
  /** What it is about. */
  readonly language?: Language;
  readonly code?: string;
  readonly status: ApprovalStatus;
  readonly reason?: string;
  /** Who decided: the name of a token. */
  readonly decidedBy?: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly decidedAt?: string;
}
