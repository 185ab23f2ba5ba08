import type { Approval, ApprovalStatus, Conversation, ConversationTurn } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

export type ConversationPatch = {
  readonly [K in "currentRunId" | "sessionId"]?: Conversation[K] | undefined;
};

/** Conversations, with what was said in them. */
export interface ConversationStore {
  /** With the turns of the one that it is forked from. `already_exists` on an id that is there. */
  create(conversation: Conversation, turns?: readonly ConversationTurn[]): Promise<void>;
  get(tenantId: string, id: string): Promise<Conversation | undefined>;
  /** Newest first. */
  list(tenantId: string, page?: PageRequest & { readonly assistant?: string }): Promise<Page<Conversation>>;
  /** What was said, oldest first. */
  turns(tenantId: string, id: string): Promise<readonly ConversationTurn[]>;
  /** Makes a run the conversation's current turn. `conflict` while another one is. Doing it twice is once. `not_found` when it is gone. */
  beginTurn(tenantId: string, id: string, runId: string, at: string): Promise<void>;
  /** Adds what a turn said and ends it. Doing it twice is once. False when the conversation is gone. */
  endTurn(tenantId: string, id: string, turn: ConversationTurn, at: string): Promise<boolean>;
  /** `undefined` in the patch removes a field. False when there is none such. */
  update(tenantId: string, id: string, patch: ConversationPatch): Promise<boolean>;
  /** With its turns and approvals. `conflict` while a turn is under way. */
  delete(tenantId: string, id: string): Promise<boolean>;
}

export interface ApprovalDecision {
  readonly status: Exclude<ApprovalStatus, "pending">;
  readonly at: string;
  readonly reason?: string;
  readonly by?: string;
}

/** Questions to people. */
export interface ApprovalStore {
  /** Asking the same again, by id, changes nothing. */
  create(approval: Approval): Promise<void>;
  get(tenantId: string, id: string): Promise<Approval | undefined>;
  /** Newest first. */
  list(
    tenantId: string,
    page?: PageRequest & { readonly status?: ApprovalStatus; readonly conversationId?: string },
  ): Promise<Page<Approval>>;
  /** Decides what is pending. False when it is not pending any more, or not there. */
  decide(tenantId: string, id: string, decision: ApprovalDecision): Promise<boolean>;
}
