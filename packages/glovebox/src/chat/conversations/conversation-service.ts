import { type Conversation, type Execution, GloveboxError, newId, toTimestamp } from "../../core/index.ts";
import type { Page, PageRequest } from "../../store/index.ts";
import type { ConversationService } from "../services.ts";
import type { RunParts } from "../turn/run-of-turn.ts";
import { conversationSessions, liveSession } from "./conversation-session.ts";
import { executionsOf } from "./executions-of.ts";

type ExecutionsPage = NonNullable<Parameters<ConversationService["executions"]>[2]>;

export interface ConversationParts extends RunParts {
  /** See `Turns.settled`. */
  settled(tenantId: string, id: string): Promise<Conversation>;
  /** See `Turns.alone`. */
  alone<T>(tenantId: string, id: string, work: () => Promise<T>): Promise<T>;
}

export class Conversations implements ConversationService {
  readonly #parts: ConversationParts;

  constructor(parts: ConversationParts) {
    this.#parts = parts;
  }

  list(tenantId: string, page?: PageRequest & { readonly assistant?: string }): Promise<Page<Conversation>> {
    return this.#parts.store.conversations.list(tenantId, page);
  }

  async get(tenantId: string, id: string): ReturnType<ConversationService["get"]> {
    const conversation = await this.#parts.settled(tenantId, id);
    const turns = await this.#parts.store.conversations.turns(tenantId, id);
    return {
      ...conversation,
      messages: turns.flatMap(({ messages }) => messages),
      runs: turns.map(({ runId }) => runId),
    };
  }

  async delete(tenantId: string, id: string): Promise<void> {
    const { store, services } = this.#parts;
    const conversation = await this.#parts.settled(tenantId, id);
    const sessions = await conversationSessions(services, conversation);
    await store.conversations.delete(tenantId, id);
    for (const session of sessions) {
      const open = await liveSession(services, tenantId, session.id);
      if (open !== undefined) await services.sessions.close(tenantId, open, "conversation");
    }
  }

  fork(tenantId: string, id: string): Promise<Conversation> {
    return this.#parts.alone(tenantId, id, () => this.#fork(tenantId, id));
  }

  async #fork(tenantId: string, id: string): Promise<Conversation> {
    const { store, services, clock } = this.#parts;
    const parent = await this.#parts.settled(tenantId, id);
    if (parent.currentRunId !== undefined) {
      throw new GloveboxError("conflict", "a turn of the conversation is under way", {
        details: { runId: parent.currentRunId },
      });
    }
    const turns = await store.conversations.turns(tenantId, id);
    const open = await liveSession(services, tenantId, parent.sessionId);
    const forked = open === undefined ? undefined : (await services.snapshots.fork(tenantId, open)).sessions[0];
    const at = toTimestamp(clock.nowMs());
    const { sessionId: _session, currentRunId: _run, ...like } = parent;
    const fork: Conversation = {
      ...like,
      id: newId(),
      forkedFrom: id,
      createdAt: at,
      updatedAt: at,
      ...(forked !== undefined && { sessionId: forked.id }),
    };
    try {
      await store.conversations.create(fork, turns);
      return fork;
    } catch (error) {
      if (forked !== undefined) await services.sessions.close(tenantId, forked.id, "conversation");
      throw error;
    }
  }

  async executions(tenantId: string, id: string, page: ExecutionsPage = {}): Promise<Page<Execution>> {
    const conversation = await this.#parts.settled(tenantId, id);
    const { services } = this.#parts;
    return executionsOf(services, tenantId, await conversationSessions(services, conversation), page);
  }
}
