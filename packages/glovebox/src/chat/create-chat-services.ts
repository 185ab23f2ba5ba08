import type { Clock, Logger, Redactor, Run } from "../core/index.ts";
import type { DurableEngine, Program } from "../engine/index.ts";
import type { SessionServices } from "../sessions/index.ts";
import type { Store } from "../store/index.ts";
import { Approvals } from "./approvals/approval-service.ts";
import { Conversations } from "./conversations/conversation-service.ts";
import type { AssistantService, ChatServices } from "./services.ts";
import { Admissions } from "./turn/admissions.ts";
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
  readonly redactor: Redactor;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Where the keys of models and the secrets of hooks are. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface OpenChat extends ChatServices {
  /** For the engine to know: register them before {@link recover}. */
  readonly programs: readonly Program[];
  /** Lets go of what a turn held; for the engine's `onEnd`. Runs of other programs are none of its business. */
  onRunEnd(run: Run): Promise<void>;
  /** After a start: tells runs of decisions that were made but never reached them. */
  recover(): Promise<void>;
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
  const conversations = new Conversations({ ...parts, settled: (tenantId, id) => turns.settled(tenantId, id) });
  return {
    assistants,
    turns,
    conversations,
    approvals,
    programs: [program as Program],
    onRunEnd: async (run) => {
      if (run.program === CHAT_TURN) await releaseTurn(parts, run);
    },
    recover: () => recoverTurns(parts, approvals),
    [Symbol.asyncDispose]: async () => {},
  };
}
