import type { Clock, Logger, Redactor, Run } from "../core/index.ts";
import type { DurableEngine, Program } from "../engine/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";
import { Approvals } from "./approvals/approval-service.ts";
import { Conversations } from "./conversations/conversation-service.ts";
import type { BuiltinHookServices } from "./hooks/builtin/index.ts";
import type { ProjectServices } from "./project.ts";
import type { AssistantService, ChatServices } from "./services.ts";
import { Admissions } from "./turn/admissions.ts";
import { tellTurnOf } from "./turn/project-run.ts";
import { recoverTurns } from "./turn/recover-turns.ts";
import { type RunParts, releaseTurn } from "./turn/run-of-turn.ts";
import { TurnHub } from "./turn/turn-hub.ts";
import { CHAT_TURN } from "./turn/turn-input.ts";
import { chatTurnProgram } from "./turn/turn-program.ts";
import { Turns } from "./turn/turn-service.ts";

export interface ChatOptions {
  readonly store: Store;
  readonly engine: DurableEngine;
  readonly services: SessionServices;
  readonly assistants: AssistantService;
  /** Masks what is said and asked; the engine's. */
  readonly redactor: Redactor;
  /** Masks what programs print: e-mail addresses too. */
  readonly outputRedactor: Redactor;
  /** Masks by what an assistant's hook asks for. */
  readonly redactorFor: BuiltinHookServices["redactor"];
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where the keys of models and the secrets of hooks are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Agents, flows and the context store, once they are open; absent: the tools that need them say that there are none. */
  readonly project?: (signal: AbortSignal) => Promise<ProjectServices>;
}

export interface OpenChat extends ChatServices {
  /** Lets go of what a turn held; for the engine's `onEnd`. Runs of other programs are none of its business. */
  onRunEnd(run: Run): Promise<void>;
  /** Makes the engine know what turns are, once {@link onRunEnd} is told of ends: turns that the last server left go on. Tells those that wait what was decided meanwhile. */
  takeUp(): Promise<void>;
}

/** The room. Dispose of it before the engine; turns under way go on with the next one. */
export function createChatServices(options: ChatOptions): OpenChat {
  const { assistants, store } = options;
  const parts: RunParts = { ...options, hub: new TurnHub() };
  const admissions = new Admissions(store);
  const program = chatTurnProgram(parts, (runId, tenantId, conversationId, signal) =>
    admissions.check(runId, tenantId, conversationId, signal),
  );
  const turns = new Turns({ ...parts, assistants, admissions, program });
  const approvals = new Approvals(parts);
  const conversations = new Conversations({
    ...parts,
    settled: (tenantId, id) => turns.settled(tenantId, id),
    alone: (tenantId, id, work) => turns.alone(tenantId, id, work),
  });
  return {
    assistants,
    turns,
    conversations,
    approvals,
    onRunEnd: async (run) => {
      if (run.program === CHAT_TURN) await releaseTurn(parts, run);
      else await tellTurnOf(parts.engine, run);
    },
    takeUp: async () => {
      options.engine.register(program as Program);
      await recoverTurns(parts, approvals);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
