import type { Approval, ApprovalStatus, Conversation, Execution, Language, ModelMessage } from "../core/index.ts";
import type { ModelAnswer, ModelTool, ModelUsage, ToolCall } from "../models/index.ts";
import type { Page, PageRequest } from "../store/index.ts";
import type { Assistant } from "./assistants/assistant.ts";
import type { HookDecision, Note } from "./hooks/hook.ts";

/** What the room offers to surfaces. Inputs have passed their schemas; whatever names a thing of another tenant is `not_found`. */
export interface ChatServices extends AsyncDisposable {
  readonly assistants: AssistantService;
  readonly turns: TurnService;
  readonly conversations: ConversationService;
  readonly approvals: ApprovalService;
}

export interface AssistantService {
  /** By name. */
  list(): readonly Assistant[];
  /** `not_found`. */
  get(name: string): Assistant;
  /** Reads them again. Nothing changes when any of them is wrong: `invalid_argument` says which file, and where in it. */
  reload(): Promise<readonly Assistant[]>;
}

export interface TurnInput {
  readonly assistant: string;
  /** What is new since the conversation's last turn; with a conversation that is new, all of it. The last one is the user's. At most 1,000. */
  readonly messages: readonly ModelMessage[];
  /** Absent: a new one. */
  readonly conversationId?: string;
  /** One that the assistant allows; else `invalid_argument`. */
  readonly model?: string;
  readonly idempotencyKey?: string;
  /** What a caller may say of the question besides: what is given wins over the assistant's own. */
  readonly ask?: TurnAsk;
  /** Tools of the assistant's that whoever asks may not use: the model is not offered them. */
  readonly forbidden?: readonly string[];
}

/** How one turn's model is asked; from clients that speak OpenAI's protocol. Part of the run's input. */
export interface TurnAsk {
  /** Added to the assistant's system prompt, after an empty line. */
  readonly instructions?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  /**
   * The caller's own tools: the model is offered these and none of ours, its calls come back in `toolCalls`, and nothing runs here, neither by tool nor from its text. The last message may
   * then be a tool's result.
   */
  readonly tools?: readonly ModelTool[];
  readonly toolChoice?: "auto" | "none" | "required";
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
  /** Why, in words; with the id of the rule or the name of the hook where one decided. */
  readonly reason: string;
  readonly rule?: string;
  readonly notes: readonly Note[];
  readonly executionId?: string;
  readonly approvalId?: string;
}

export interface TurnExecution {
  readonly id: string;
  readonly block: number;
  readonly language: Language;
  readonly status: Execution["status"];
  readonly exitCode?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
  /** Of code whose last expression has a value; as JSON unless it is a text. Where the assistant has hooks it is the last line of `stdout` instead: they see what people see. */
  readonly value?: string;
  /** The workspace went back to the last known good state. */
  readonly rolledBack: boolean;
}

export interface TurnResult {
  readonly runId: string;
  readonly conversationId: string;
  readonly assistant: string;
  readonly model: string;
  /** `error`: the model went away, or the budget; what had come is kept. */
  readonly status: "completed" | "error" | "cancelled";
  readonly error?: { readonly code: string; readonly message: string };
  /** What the model said, redacted. In tool mode: its last words. */
  readonly text: string;
  readonly blocks: readonly TurnBlock[];
  readonly executions: readonly TurnExecution[];
  readonly decisions: readonly HookDecision[];
  readonly usage: ModelUsage;
  /** Of the caller's own tools, in a turn that was given some: for the caller to make. */
  readonly toolCalls?: readonly ToolCall[];
  /** Why the model's last answer ended, where one came. */
  readonly finish?: ModelAnswer["finish"];
}

/** One thing that happens in a turn, as it happens. */
export type TurnEvent =
  | { readonly type: "started"; readonly runId: string; readonly conversationId: string }
  /** `attempt` grows when the model is asked anew: then its text begins anew. */
  | { readonly type: "text"; readonly text: string; readonly attempt: number }
  | { readonly type: "decision"; readonly decision: HookDecision }
  | { readonly type: "block"; readonly block: TurnBlock }
  | { readonly type: "approval"; readonly approval: Approval }
  | { readonly type: "tool_called"; readonly callId: string; readonly name: string; readonly input: unknown }
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
  | { readonly type: "completed"; readonly result: TurnResult };

export interface TurnService {
  /** On disk when it resolves: the turn goes on whoever looks. */
  start(tenantId: string, input: TurnInput): Promise<{ readonly runId: string; readonly conversationId: string }>;
  /** What happens from now on, live; ends with `completed`. Text that had come before is not said again. Aborting ends only the looking. */
  follow(tenantId: string, runId: string, signal?: AbortSignal): AsyncIterable<TurnEvent>;
  /** Waits for the end. */
  result(tenantId: string, runId: string, signal?: AbortSignal): Promise<TurnResult>;
}

export interface ConversationService {
  list(tenantId: string, page?: PageRequest & { readonly assistant?: string }): Promise<Page<Conversation>>;
  get(
    tenantId: string,
    id: string,
  ): Promise<Conversation & { readonly messages: readonly ModelMessage[]; readonly runs: readonly string[] }>;
  /** With its session. `conflict` while a turn is under way. */
  delete(tenantId: string, id: string): Promise<void>;
  /** Another conversation with the same history, and its session forked. `conflict` while a turn is under way. */
  fork(tenantId: string, id: string): Promise<Conversation>;
  /** What ran in it, newest first. */
  executions(
    tenantId: string,
    id: string,
    page?: PageRequest & {
      readonly language?: Language;
      readonly outcome?: "ok" | "failed";
      /** Created at or after / before, RFC 3339. */
      readonly since?: string;
      readonly until?: string;
    },
  ): Promise<Page<Execution>>;
}

export interface ApprovalService {
  list(
    tenantId: string,
    page?: PageRequest & { readonly status?: ApprovalStatus; readonly conversationId?: string },
  ): Promise<Page<Approval>>;
  get(tenantId: string, id: string): Promise<Approval>;
  /** On disk when it resolves. `conflict` when it was decided otherwise before, has expired, or its turn has ended; deciding the same again changes nothing. */
  decide(
    tenantId: string,
    id: string,
    decision: { readonly decision: "approve" | "refuse"; readonly reason?: string; readonly by: string },
  ): Promise<Approval>;
}
