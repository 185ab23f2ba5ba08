import { createHash } from "node:crypto";
import {
  type Conversation,
  canonicalJson,
  GloveboxError,
  isGloveboxError,
  newId,
  toTimestamp,
} from "../../core/index.ts";
import type { Program } from "../../engine/index.ts";
import { recentHistory } from "../conversations/history.ts";
import type { AssistantService, TurnEvent, TurnInput, TurnResult, TurnService } from "../services.ts";
import { settingsOf } from "../validation/settings.ts";
import type { Admissions } from "./admissions.ts";
import { followTurn } from "./follow-turn.ts";
import { InOrder } from "./in-order.ts";
import { ruleOptions } from "./rule-options.ts";
import { hasEnded, inputOf, type RunParts, releaseTurn, resultWithout, turnRun } from "./run-of-turn.ts";
import type { TurnRunInput } from "./turn-input.ts";

const TITLE_CHARS = 80;

export interface TurnServiceParts extends RunParts {
  readonly assistants: AssistantService;
  readonly admissions: Admissions;
  readonly program: Program<TurnRunInput, TurnResult>;
}

export class Turns implements TurnService {
  readonly #parts: TurnServiceParts;
  readonly #inOrder = new InOrder();

  constructor(parts: TurnServiceParts) {
    this.#parts = parts;
  }

  async start(tenantId: string, input: TurnInput): ReturnType<TurnService["start"]> {
    const key = input.idempotencyKey === undefined ? undefined : `chat/${input.idempotencyKey}`;
    const requestHash = createHash("sha256").update(canonicalJson(input)).digest("hex");
    const asked = this.#check(input);
    const begin = async () => {
      const known = key === undefined ? undefined : await this.#known(tenantId, key, requestHash);
      if (known !== undefined) return known;
      if (input.conversationId === undefined) return this.#begin(tenantId, input, asked, { key, requestHash });
      return this.alone(tenantId, input.conversationId, () =>
        this.#begin(tenantId, input, asked, { key, requestHash }),
      );
    };
    return key === undefined ? begin() : this.#inOrder.run(`${tenantId}/by ${key}`, begin);
  }

  /** Does something with a conversation in which no turn begins meanwhile. */
  alone<T>(tenantId: string, conversationId: string, work: () => Promise<T>): Promise<T> {
    return this.#inOrder.run(`${tenantId}/of ${conversationId}`, work);
  }

  follow(tenantId: string, runId: string, signal?: AbortSignal): AsyncIterable<TurnEvent> {
    return followTurn(this.#parts, { tenantId, runId, result: (until) => this.result(tenantId, runId, until) }, signal);
  }

  async result(tenantId: string, runId: string, signal?: AbortSignal): Promise<TurnResult> {
    const { engine } = this.#parts;
    await turnRun(this.#parts, tenantId, runId);
    try {
      return (await engine.result(tenantId, runId, signal)) as TurnResult;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const run = await turnRun(this.#parts, tenantId, runId);
      if (run.status !== "cancelled" && run.status !== "failed") throw error;
      return resultWithout(this.#parts, run);
    }
  }

  #check(input: TurnInput): Pick<TurnRunInput, "assistant" | "model"> {
    const assistant = this.#parts.assistants.get(input.assistant);
    const model = input.model ?? assistant.model.name;
    if (model !== assistant.model.name && !assistant.model.allow.includes(model)) {
      throw new GloveboxError("invalid_argument", `${assistant.name} does not answer by the model ${model}`, {
        details: { path: "model", allowed: [assistant.model.name, ...assistant.model.allow] },
      });
    }
    // A rule that there is none of is told now, not when code is held to it.
    settingsOf(ruleOptions(assistant));
    const last = input.messages.at(-1)?.role;
    const mayBeTool = (input.ask?.tools?.length ?? 0) > 0;
    if (last === "user" || (mayBeTool && last === "tool")) return { assistant, model };
    throw new GloveboxError("invalid_argument", "the last message is the user's", { details: { path: "messages" } });
  }

  /** The turn that was started with the key before. */
  async #known(tenantId: string, key: string, requestHash: string) {
    const stored = await this.#parts.store.runs.byIdempotencyKey(tenantId, key);
    if (stored === undefined) return undefined;
    const { id: runId } = stored.run;
    const input = await inputOf(this.#parts, tenantId, runId);
    if (input?.requestHash === requestHash) return { runId, conversationId: input.conversationId };
    throw new GloveboxError("conflict", "the idempotency key was used with another request", { details: { runId } });
  }

  async #begin(
    tenantId: string,
    input: TurnInput,
    asked: Pick<TurnRunInput, "assistant" | "model">,
    { key, requestHash }: { readonly key: string | undefined; readonly requestHash: string },
  ): ReturnType<TurnService["start"]> {
    const { store, engine, program, admissions } = this.#parts;
    const conversation = await this.#conversation(tenantId, input);
    const turns = await store.conversations.turns(tenantId, conversation.id);
    const run: TurnRunInput = {
      conversationId: conversation.id,
      ...asked,
      history: [...recentHistory(turns.flatMap(({ messages }) => messages))],
      messages: [...input.messages],
      ...(input.ask !== undefined && { ask: input.ask }),
      ...(input.forbidden !== undefined && { forbidden: [...input.forbidden] }),
      ...(key !== undefined && { requestHash }),
    };
    const runId = await admissions
      .while(async () => {
        const { id } = await engine.start(program, run, {
          tenantId,
          ...(key !== undefined && { idempotencyKey: key }),
        });
        await store.conversations.beginTurn(tenantId, conversation.id, id, this.#now());
        return id;
      })
      .catch(async (error: unknown) => {
        // Made for this turn: without one there is nothing to find it by.
        if (input.conversationId === undefined) await store.conversations.delete(tenantId, conversation.id);
        throw error;
      });
    // Cancelled before it was a turn: nobody else will let go of the conversation.
    const now = await engine.get(tenantId, runId);
    if (hasEnded(now)) await releaseTurn(this.#parts, now);
    return { runId, conversationId: conversation.id };
  }

  /** The conversation, free for a turn, or a new one. */
  async #conversation(tenantId: string, { conversationId, assistant, messages }: TurnInput): Promise<Conversation> {
    const { store, redactor } = this.#parts;
    if (conversationId !== undefined) {
      const found = await this.settled(tenantId, conversationId);
      if (found.currentRunId !== undefined) {
        throw new GloveboxError("conflict", "a turn of the conversation is under way", {
          details: { runId: found.currentRunId },
        });
      }
      if (found.assistant === assistant) return found;
      throw new GloveboxError("invalid_argument", `the conversation is one with ${found.assistant}`, {
        details: { path: "assistant" },
      });
    }
    const first = messages.find(({ role }) => role === "user")?.text ?? "";
    const at = this.#now();
    const conversation: Conversation = {
      id: newId(),
      tenantId,
      assistant,
      title: redactor
        .redact(first.slice(0, 10 * TITLE_CHARS))
        .replaceAll(/\s+/g, " ")
        .trim()
        .slice(0, TITLE_CHARS),
      turns: 0,
      createdAt: at,
      updatedAt: at,
    };
    await store.conversations.create(conversation);
    return conversation;
  }

  /** A conversation as it is: one whose turn has ended, and a crash kept it from being let go of, is let go of now. `not_found`. */
  async settled(tenantId: string, id: string): Promise<Conversation> {
    const { store, engine } = this.#parts;
    const found = await store.conversations.get(tenantId, id);
    if (found === undefined) throw new GloveboxError("not_found", `no conversation ${id}`);
    const { currentRunId } = found;
    if (currentRunId === undefined) return found;
    const run = await engine.get(tenantId, currentRunId).catch((error: unknown) => {
      if (isGloveboxError(error, "not_found")) return undefined;
      throw error;
    });
    if (run !== undefined && !hasEnded(run)) return found;
    if (run === undefined) await store.conversations.update(tenantId, id, { currentRunId: undefined });
    else await releaseTurn(this.#parts, run);
    return (await store.conversations.get(tenantId, id)) ?? found;
  }

  #now(): string {
    return toTimestamp(this.#parts.clock.nowMs());
  }
}
