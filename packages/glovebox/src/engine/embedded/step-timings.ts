import { type Metrics, MODEL_PROVIDER_KINDS } from "../../core/index.ts";
import type { Draft } from "../journal/record.ts";

interface Attempt {
  readonly begunMs: number;
  /** The model that was asked last, until it has answered. */
  asked?: { readonly provider: unknown; readonly begunMs: number };
}

/** Times a run's steps, and the questions to models within them, by what goes into its journal. */
export class StepTimings {
  readonly #metrics: Metrics;
  readonly #nowMs: () => number;
  /** By path: those that have begun and not ended. */
  readonly #attempts = new Map<string, Attempt>();

  /** `nowMs`: milliseconds that never go back. */
  constructor(metrics: Metrics, nowMs: () => number) {
    this.#metrics = metrics;
    this.#nowMs = nowMs;
  }

  note({ type, step = "", payload }: Draft): void {
    if (type === "step.started") this.#attempts.set(step, { begunMs: this.#nowMs() });
    const attempt = this.#attempts.get(step);
    if (attempt === undefined) return;
    if (type === "llm.called") attempt.asked = { provider: payload.provider, begunMs: this.#nowMs() };
    else if (type === "llm.answered") this.#answered(attempt, "ok");
    else if (type === "step.completed") this.#ended(step, attempt, "ok");
    else if (type === "step.failed") this.#ended(step, attempt, "error");
    else if (type === "step.retried") this.#ended(step, attempt, "retried");
  }

  #answered(attempt: Attempt, outcome: "ok" | "error"): void {
    const { asked } = attempt;
    if (asked === undefined) return;
    // A program may keep such a fact by itself, and say in it what it likes.
    const provider = MODEL_PROVIDER_KINDS.find((kind) => kind === asked.provider) ?? "other";
    this.#metrics.timed("model.call", this.#nowMs() - asked.begunMs, { provider, outcome });
    delete attempt.asked;
  }

  #ended(step: string, attempt: Attempt, outcome: "ok" | "error" | "retried"): void {
    this.#answered(attempt, "error");
    this.#attempts.delete(step);
    this.#metrics.timed("run.step", this.#nowMs() - attempt.begunMs, { outcome });
  }
}
