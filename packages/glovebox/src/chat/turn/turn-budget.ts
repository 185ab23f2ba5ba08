import { type Budget, GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { ProgramContext } from "../../engine/index.ts";
import type { ModelUsage } from "../../models/index.ts";
import type { Assistant } from "../assistants/assistant.ts";

type Limits = Assistant["budget"];

/** Tool calls of a turn whose assistant sets no limit: a model that never ends must end. In answer mode each execution counts as one. */
export const MAX_TOOL_CALLS = 50;

/** What a turn may use. Looked at between steps; of time, what is left bounds each step. `budget_exceeded` says of what there was too little. */
export class TurnBudget {
  readonly #context: ProgramContext;
  readonly #limits: Limits;
  readonly #startedMs: number;
  #toolCalls = 0;

  private constructor(context: ProgramContext, limits: Limits, startedMs: number) {
    this.#context = context;
    this.#limits = limits;
    this.#startedMs = startedMs;
  }

  static async open(context: ProgramContext, limits: Limits): Promise<TurnBudget> {
    // Only asked for where it decides: what is asked is in the journal.
    return new TurnBudget(context, limits, limits.wallMs === undefined ? 0 : await context.now());
  }

  /** Milliseconds that are left, as an option of a step; empty without a limit. */
  async time(): Promise<{ readonly timeoutMs?: number }> {
    const { wallMs } = this.#limits;
    if (wallMs === undefined) return {};
    const used = (await this.#context.now()) - this.#startedMs;
    if (used >= wallMs) throw exceeded("wallMs", wallMs, used);
    return { timeoutMs: wallMs - used };
  }

  /** Tokens that are left; `undefined` without a limit. */
  tokensLeft({ inputTokens, outputTokens }: ModelUsage): number | undefined {
    const { tokens } = this.#limits;
    return tokens === undefined ? undefined : tokens - inputTokens - outputTokens;
  }

  /** What is left for a run that the turn starts; empty without limits. */
  async rest({ inputTokens, outputTokens, dollars = 0 }: ModelUsage): Promise<Budget> {
    const { tokens, usd } = this.#limits;
    const { timeoutMs: wallMs } = await this.time();
    return {
      ...(tokens !== undefined && { tokens: Math.max(0, tokens - inputTokens - outputTokens) }),
      ...(usd !== undefined && { dollars: Math.max(0, usd - dollars) }),
      ...(wallMs !== undefined && { wallMs }),
    };
  }

  /** Before the model is asked: nothing may be used up. */
  checkBefore(usage: ModelUsage): void {
    const { tokens, usd } = this.#limits;
    const used = usage.inputTokens + usage.outputTokens;
    if (tokens !== undefined && used >= tokens) throw exceeded("tokens", tokens, used);
    if (usd !== undefined && (usage.dollars ?? 0) >= usd) throw exceeded("usd", usd, usage.dollars ?? 0);
  }

  /** After it answered: exactly all is still within the budget. `invalid_argument` when dollars are limited and nobody knows what the answer cost. */
  checkAfter(usage: ModelUsage): void {
    const { tokens, usd } = this.#limits;
    if (usd !== undefined && usage.dollars === undefined) {
      throw new GloveboxError("invalid_argument", "a budget in dollars cannot be held: give the model's price");
    }
    const used = usage.inputTokens + usage.outputTokens;
    if (tokens !== undefined && used > tokens) throw exceeded("tokens", tokens, used);
    if (usd !== undefined && (usage.dollars ?? 0) > usd) throw exceeded("usd", usd, usage.dollars ?? 0);
  }

  countToolCall(): void {
    const limit = this.#limits.toolCalls ?? MAX_TOOL_CALLS;
    if (this.#toolCalls >= limit) throw exceeded("toolCalls", limit, this.#toolCalls + 1);
    this.#toolCalls += 1;
  }

  /** A step that ran out of the turn's time failed for that. */
  explain(error: unknown): unknown {
    const { wallMs } = this.#limits;
    const isLate = wallMs !== undefined && isGloveboxError(error, "deadline_exceeded");
    return isLate ? exceeded("wallMs", wallMs, wallMs) : error;
  }
}

function exceeded(what: keyof Limits, limit: number, used: number): GloveboxError {
  return new GloveboxError("budget_exceeded", `the turn's budget is used up: ${what} ${used} of ${limit}`, {
    details: { of: "turn", what, limit, used },
  });
}
