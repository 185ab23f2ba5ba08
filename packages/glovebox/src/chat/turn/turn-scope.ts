import type { Clock, Language, Logger, Redactor } from "../../core/index.ts";
import type { ProgramContext, StepContext } from "../../engine/index.ts";
import type { ModelProvider } from "../../models/index.ts";
import { RunSandbox } from "../../runs/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { Store } from "../../store/index.ts";
import { openConversationSession } from "../conversations/conversation-session.ts";
import type { BuiltinHookServices } from "../hooks/builtin/index.ts";
import type { Hook, HookContext } from "../hooks/hook.ts";
import type { ProjectServices } from "../project.ts";
import type { TurnEvent } from "../services.ts";
import type { TurnBudget } from "./turn-budget.ts";
import type { TurnHub } from "./turn-hub.ts";
import type { TurnRunInput } from "./turn-input.ts";
import type { TurnRecord } from "./turn-record.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What turns work with, the same for all of them. */
export interface TurnParts {
  readonly store: Store;
  readonly services: SessionServices;
  readonly redactor: Redactor;
  /** For what programs print. */
  readonly outputRedactor: Redactor;
  readonly redactorFor: BuiltinHookServices["redactor"];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly env: Environment;
  readonly hub: TurnHub;
  /** What the server has besides, once it is open; absent: nothing. */
  readonly project?: (signal: AbortSignal) => Promise<ProjectServices>;
}

/** One turn at work. */
export interface TurnScope {
  readonly parts: TurnParts;
  readonly context: ProgramContext;
  readonly input: TurnRunInput;
  readonly record: TurnRecord;
  readonly budget: TurnBudget;
  /** Opened where it is first used: in a step. */
  readonly provider: ModelProvider;
  /** A run that was forked from a turn: it changes nothing of the conversation. */
  readonly isApart: boolean;
  /** What the user asked. */
  readonly request: string;
  /** Tells whoever follows the turn; nobody in a replay, and of nothing that happened before a crash. */
  emit(event: TurnEvent): void;
  /** The assistant's hooks; only for the work of steps. */
  hooks(): Promise<readonly Hook[]>;
  /** The conversation's session; only for the work of steps. */
  session(step: StepContext): Promise<string>;
}

export function hookContext({ context, input, request }: TurnScope, signal: AbortSignal): HookContext {
  const { runId, tenantId } = context;
  return { tenantId, runId, conversationId: input.conversationId, assistant: input.assistant.name, request, signal };
}

/** The conversation's session as executions see it. */
export function sandboxOf(scope: TurnScope, executions: SessionServices["executions"]): RunSandbox {
  return new RunSandbox({
    name: "conversation",
    tenantId: scope.context.tenantId,
    executions,
    env: {},
    // A live replay has no conversation of its own.
    repeatable: false,
    find: (step) => scope.session(step),
  });
}

export function findSession(scope: TurnScope, step: StepContext): ReturnType<typeof openConversationSession> {
  const { context, input, parts, isApart } = scope;
  const { name: assistant, execution } = input.assistant;
  const owner = {
    tenantId: context.tenantId,
    conversationId: input.conversationId,
    assistant,
    template: execution.template,
    apart: isApart,
  };
  return openConversationSession(parts, owner, step);
}

/** Code as judged and run, with where it stands in the turn. */
export interface CodeAt {
  readonly index: number;
  readonly language: Language;
  readonly code: string;
}
