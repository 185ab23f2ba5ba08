import { setTimeout as delay } from "node:timers/promises";
import { canonicalJson, type ErrorBody, newId, toGloveboxError } from "../../core/index.ts";
import { hashValue } from "../journal/chain.ts";
import type { Draft, JournalRecord, RecordWith } from "../journal/record.ts";
import { toJournalValue } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import type { LiveDifference } from "../replay-report.ts";
import type { Host } from "./host.ts";
import { Operation } from "./operation.ts";
import { type StepHost, StepRunner, type StepSpec } from "./step-runner.ts";

const MAX_DIFFERENCES = 100;
/** Of each result in the report, as JSON. */
const MAX_CHARACTERS = 2000;

type Answer = RecordWith<"step.completed"> | RecordWith<"step.failed">;

interface LiveStep {
  readonly spec: StepSpec;
  readonly done: Promise<void>;
  /** What it came to; nothing when nobody wanted it any more. */
  result?: { readonly value: JsonValue | undefined } | { readonly error: ErrorBody };
}

/**
 * Does the steps of a replay that say so again, under an id of its own, and compares what they come to with the journal. They begin when the program asks for them and are
 * waited for before it is answered, so they happen in the order in which they happened. Nothing of it is kept: no record, no fact, no spending.
 */
export class LiveReplay implements StepHost {
  readonly id = newId();
  readonly timers: Host["timers"];
  readonly maxDeaths: number;
  readonly #host: Host;
  readonly #steps = new Map<string, LiveStep>();
  readonly #working = new Set<Promise<unknown>>();
  readonly #differences: LiveDifference[] = [];
  #compared = 0;

  constructor(host: Host) {
    this.#host = host;
    this.timers = host.timers;
    this.maxDeaths = host.maxDeaths;
  }

  get report(): { readonly steps: number; readonly differences: readonly LiveDifference[] } {
    return { steps: this.#compared, differences: this.#differences };
  }

  /** Begins what is to be done again. */
  begin({ path, spec, scope, input, inputHash, signal }: Operation): void {
    if (spec.kind !== "step" || spec.options.live === undefined) return;
    // A key of the program's own would let the effect's target give the run's answer.
    const { idempotencyKey: _own, ...options } = spec.options;
    const again = new Operation({ path, spec: { ...spec, options }, scope, input, inputHash });
    signal.addEventListener("abort", () => again.leave(signal.reason), { once: true });
    const done = new StepRunner(this, again, { ...spec, options }).start().catch((error: unknown) => {
      step.result = { error: toGloveboxError(error).toBody() };
    });
    const step: LiveStep = { spec, done };
    this.#steps.set(path, step);
  }

  /** Resolves once the step of that path, if it is done again, has come to an end. */
  async finished(path: string): Promise<void> {
    await this.#steps.get(path)?.done;
  }

  /** Holds a step's result against its record. */
  compare(record: Answer): void {
    const path = record.step ?? "";
    const step = this.#steps.get(path);
    this.#steps.delete(path);
    if (step?.result === undefined) return;
    this.#compared += 1;
    const expected =
      record.type === "step.failed"
        ? this.#outcomeOf(step.spec, { error: record.payload.error })
        : this.#outcomeOf(step.spec, { value: record.payload.result });
    const found = this.#outcomeOf(step.spec, step.result);
    if (expected.hash === found.hash || this.#differences.length >= MAX_DIFFERENCES) return;
    this.#differences.push({ step: path, expected: bounded(expected.shown), found: bounded(found.shown) });
  }

  /** Waits for work that was told to end, for the grace at most. */
  async end(): Promise<void> {
    if (this.#working.size === 0) return;
    const ended = new AbortController();
    const grace = delay(this.#host.graceMs, undefined, { signal: ended.signal }).catch(() => {});
    await Promise.race([Promise.allSettled([...this.#working]), grace]);
    ended.abort();
  }

  nowMs(): number {
    return this.#host.clock.nowMs();
  }

  keyFor(path: string): string {
    return `${this.id}/${path}`;
  }

  append(draft: Draft): void {
    const step = this.#steps.get(draft.step ?? "");
    if (step === undefined) return;
    if (draft.type === "step.completed") step.result = { value: draft.payload.result };
    else if (draft.type === "step.failed") step.result = { error: draft.payload.error };
  }

  spend(): void {
    // The replay is nobody's expense; a step's own budget holds all the same.
  }

  refuseBeyondBudget(): boolean {
    return false;
  }

  track(work: Promise<unknown>): void {
    const done = work.catch(() => {}).finally(() => this.#working.delete(done));
    this.#working.add(done);
  }

  /** Errors are compared by their codes: messages tell of times and places. */
  #outcomeOf(
    { options }: StepSpec,
    result: NonNullable<LiveStep["result"]>,
  ): { readonly hash: string; readonly shown: JsonValue | undefined } {
    if ("error" in result) {
      const { code, message } = result.error;
      return { hash: hashValue({ error: code }), shown: { error: { code, message } } };
    }
    try {
      const compare = options.live?.compare;
      const value = compare === undefined ? result.value : compare(result.value);
      const shown = value === undefined ? undefined : toJournalValue(value, "what is compared", this.#host.redactor);
      return { hash: hashValue(shown === undefined ? {} : { value: shown }), shown };
    } catch (error) {
      const { code, message } = toGloveboxError(error);
      // Two that cannot be compared are not the same.
      return { hash: newId(), shown: { error: { code, message: `cannot be compared: ${message}` } } };
    }
  }
}

export function isAnswer(record: JournalRecord): record is Answer {
  return record.type === "step.completed" || record.type === "step.failed";
}

function bounded(value: JsonValue | undefined): unknown {
  const text = value === undefined ? "" : canonicalJson(value);
  return text.length <= MAX_CHARACTERS ? value : `${text.slice(0, MAX_CHARACTERS)}… (${text.length} characters)`;
}
