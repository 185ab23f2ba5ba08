import { GloveboxError, type Usage } from "../../core/index.ts";
import { BudgetMeter, budgetExceeded, checkUsage } from "../budget.ts";
import { outsideProgram } from "../guard/guard.ts";
import { type Draft, type FactType, isFactType } from "../journal/record.ts";
import { toJournalValue } from "../journal/writer.ts";
import { toJsonValue } from "../json-value.ts";
import type { StepContext } from "../program.ts";
import { nextDelayMs, toJournaledError } from "../retry.ts";
import type { Timers } from "../scheduler/timers.ts";
import type { Operation, OpSpec } from "./operation.ts";

export type StepSpec = Extract<OpSpec, { readonly kind: "step" | "compensation" }>;

/** For whom a step is done: a run, or a live replay of one. */
export interface StepHost {
  readonly id: string;
  readonly timers: Timers;
  readonly maxDeaths: number;
  nowMs(): number;
  /** The idempotency key of a step that has none of its own. */
  keyFor(path: string): string;
  append(draft: Draft, options?: { readonly soon?: boolean }): void;
  spend(step: string, used: Partial<Usage>): void;
  refuseBeyondBudget(): boolean;
  /** Is told of work that may go on although nobody wants it any more. */
  track(work: Promise<unknown>): void;
}

/** Does a step's work, attempt after attempt, until it has an answer for the journal or nobody wants one any more. */
export class StepRunner {
  readonly #run: StepHost;
  readonly #operation: Operation;
  readonly #spec: StepSpec;
  readonly #dueMs: number | undefined;
  readonly #key: string;
  readonly #meter: BudgetMeter;

  constructor(run: StepHost, operation: Operation, spec: StepSpec) {
    this.#run = run;
    this.#operation = operation;
    this.#spec = spec;
    const { timeoutMs, idempotencyKey, budget } = spec.options;
    this.#dueMs = operation.journaled?.dueMs ?? (timeoutMs === undefined ? undefined : run.nowMs() + timeoutMs);
    this.#key = operation.journaled?.idempotencyKey ?? idempotencyKey ?? run.keyFor(operation.path);
    this.#meter = new BudgetMeter(budget ?? {});
  }

  async start(): Promise<void> {
    const { retryAtMs, attempt, failures } = this.#operation;
    // Attempts that neither failed nor completed: the process ended while they were at work.
    if (attempt - failures >= this.#run.maxDeaths) return this.#giveUp(attempt - failures);
    if (retryAtMs !== undefined && !(await this.#waitUntil(retryAtMs))) return;
    while (!this.#operation.signal.aborted) {
      if (this.#run.refuseBeyondBudget()) return;
      if (this.#operation.signal.aborted) return;
      this.#begin();
      const failed = await this.#attempt();
      if (failed === undefined || this.#operation.signal.aborted) return;
      const retryAt = this.#failed(failed.error);
      if (retryAt === undefined || !(await this.#waitUntil(retryAt))) return;
    }
  }

  /** It may be the step that ends the process: who takes its run up again and again would never be up. */
  #giveUp(deaths: number): void {
    const { path, kind, inputHash, attempt } = this.#operation;
    const message = `the process ended ${deaths} times while this step was at work`;
    const error = { code: "internal", message, details: { deaths }, retryable: false } as const;
    this.#run.append({ type: "step.failed", step: path, attempt, payload: { kind, inputHash, error } });
  }

  #begin(): void {
    const { path, kind, inputHash, input } = this.#operation;
    this.#operation.attempt += 1;
    const first = this.#operation.journaled === undefined;
    const due = this.#dueMs === undefined ? {} : { dueMs: this.#dueMs };
    const payload = {
      kind,
      inputHash,
      ...(first && input !== undefined ? { input } : {}),
      ...due,
      idempotencyKey: this.#key,
    };
    // What is done at once is on disk together with its result.
    this.#run.append({ type: "step.started", step: path, attempt: this.#operation.attempt, payload }, { soon: true });
    this.#operation.journaled ??= payload;
  }

  /** Resolves to how it failed; to `undefined` once the result is in the journal, or when nobody wants it. */
  async #attempt(): Promise<{ readonly error: unknown } | undefined> {
    const { path, kind, inputHash, attempt } = this.#operation;
    try {
      const given = await this.#race();
      if (this.#operation.signal.aborted) return undefined;
      const excess = this.#meter.excess();
      if (excess !== undefined) throw budgetExceeded("step", excess);
      const result = given === undefined ? undefined : toJsonValue(given, `the result of ${path}`);
      const payload = { kind, inputHash, ...(result === undefined ? {} : { result }) };
      this.#run.append({ type: "step.completed", step: path, attempt, payload });
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** The work, or the end of its time, or of anybody's interest in it, whichever comes first. */
  async #race(): Promise<unknown> {
    const limit = this.#dueMs === undefined ? undefined : new AbortController();
    const stop = new AbortController();
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    stopped.catch(() => {});
    const end = (reason: unknown) => {
      stop.abort(reason);
      reject(reason);
    };
    const wanted = this.#operation.signal;
    const onUnwanted = () => end(wanted.reason ?? new GloveboxError("cancelled", "nobody waits for the step"));
    wanted.addEventListener("abort", onUnwanted, { once: true });
    if (this.#dueMs !== undefined && limit !== undefined) {
      const late = () => end(new GloveboxError("deadline_exceeded", `${this.#operation.path} took too long`));
      this.#run.timers.at(this.#dueMs, limit.signal, late);
    }
    try {
      const work = outsideProgram(async () => this.#spec.work(this.#operation.input, this.#context(stop, end)));
      this.#run.track(work);
      return await Promise.race([work, stopped]);
    } finally {
      wanted.removeEventListener("abort", onUnwanted);
      limit?.abort();
    }
  }

  #context(stop: AbortController, end: (reason: unknown) => void): StepContext {
    const { path, attempt } = this.#operation;
    return {
      runId: this.#run.id,
      signal: stop.signal,
      idempotencyKey: this.#key,
      attempt,
      failures: this.#operation.failures,
      spend: (used: Partial<Usage>) => {
        this.#meter.add(checkUsage(used));
        this.#run.spend(path, used);
        const excess = this.#meter.excess();
        if (excess === undefined) return;
        const error = budgetExceeded("step", excess);
        end(error);
        throw error;
      },
      record: (type: FactType, payload) => {
        if (!isFactType(type)) {
          throw new GloveboxError("invalid_argument", `${String(type)} is no fact that a step can keep`);
        }
        if (stop.signal.aborted) return;
        const value = toJournalValue(payload, `the payload of ${type}`, undefined) as Record<string, never>;
        this.#run.append({ type, step: path, attempt, payload: value }, { soon: true });
      },
    };
  }

  /** Journals a failed attempt, and says when the next one is due, if there is one. */
  #failed(thrown: unknown): number | undefined {
    const operation = this.#operation;
    const { path: step, kind, inputHash, attempt } = operation;
    const error = toJournaledError(thrown);
    operation.failures += 1;
    const known = new GloveboxError(
      error.code,
      error.message,
      error.details === undefined ? {} : { details: error.details },
    );
    const delayMs = nextDelayMs(this.#spec.options.retry, known, operation.failures, Math.random());
    const dueMs = this.#run.nowMs() + (delayMs ?? 0);
    if (delayMs === undefined || (this.#dueMs !== undefined && dueMs >= this.#dueMs)) {
      this.#run.append({
        type: "step.failed",
        step,
        attempt,
        payload: { kind, inputHash, error: withHistory(error, operation) },
      });
      return undefined;
    }
    this.#run.append({ type: "step.retried", step, attempt, payload: { error, delayMs, dueMs } });
    return dueMs;
  }

  /** `false` when nobody wants the step any more. */
  #waitUntil(dueMs: number): Promise<boolean> {
    const { signal } = this.#operation;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const onAbort = () => resolve(false);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#run.timers.at(dueMs, signal, () => {
        signal.removeEventListener("abort", onAbort);
        resolve(true);
      });
    });
  }
}

function withHistory(error: ReturnType<typeof toJournaledError>, { failures }: Operation): typeof error {
  return failures > 1 ? { ...error, details: { ...error.details, failures } } : error;
}
