import type { NewEvent } from "../../core/index.ts";
import type { StreamState } from "./stream-state.ts";

/** Where an execution's events go: the store's log, or memory. Appends are given in order and may overlap. */
export interface EventSink {
  append(events: readonly NewEvent[], state: StreamState): Promise<void>;
}

/** Appends that may be under way at once; more would only queue in the store. */
const MAX_IN_FLIGHT = 4;
/** With an append under way, the next waits for this many events so that commits are shared. */
const BATCH_EVENTS = 256;
/** Neighbouring texts of one stream become one event up to this length. */
const MAX_JOINED_TEXT = 32_768;

/**
 * The order in which an execution's events and its state reach the disk: batched by what arrives while an append is under way,
 * several appends in flight, `committed` called in order with the state that is on disk.
 */
export class EventWriter {
  readonly #sink: EventSink;
  readonly #snapshot: () => StreamState;
  readonly #committed: (state: StreamState) => void;
  readonly #failed: (error: unknown) => void;
  #pending: NewEvent[] = [];
  #dirty = false;
  #inFlight = 0;
  #scheduled = false;
  #open = true;
  #failure: { readonly error: unknown } | undefined;
  #tail: Promise<void> = Promise.resolve();
  #count: number;

  constructor(options: {
    sink: EventSink;
    snapshot: () => StreamState;
    committed: (state: StreamState) => void;
    failed: (error: unknown) => void;
    /** Events already in the stream. */
    count: number;
    /** Nothing is written before this resolves; its rejection is a failure. */
    gate?: Promise<unknown> | undefined;
  }) {
    this.#sink = options.sink;
    this.#snapshot = options.snapshot;
    this.#committed = options.committed;
    this.#failed = options.failed;
    this.#count = options.count;
    if (options.gate !== undefined) this.#waitForGate(options.gate);
  }

  /** Events in the stream, pending ones included: the seq of the last one. */
  get count(): number {
    return this.#count;
  }

  add(event: NewEvent): void {
    if (this.#failure !== undefined) return;
    const last = this.#pending.at(-1);
    const joined = last === undefined ? undefined : join(last, event);
    if (joined === undefined) {
      this.#pending.push(event);
      this.#count += 1;
    } else this.#pending[this.#pending.length - 1] = joined;
    this.touch();
  }

  /** The state changed: it will be written with the next batch. */
  touch(): void {
    this.#dirty = true;
    if (this.#scheduled || !this.#open) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** Writes what is pending now, without waiting for more. */
  flush(): void {
    if (this.#open && this.#dirty && this.#failure === undefined) this.#append();
  }

  /** Resolves when all that was added was handed to the sink, in its order; rejects when an append failed before. */
  async handOver(): Promise<void> {
    for (;;) {
      this.flush();
      if (this.#failure !== undefined) throw this.#failure.error;
      if (!this.#dirty) return;
      await this.#tail;
    }
  }

  /** Resolves when all that was added is on disk; rejects when an append failed. */
  async drain(): Promise<void> {
    for (;;) {
      this.flush();
      const tail = this.#tail;
      await tail;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (tail === this.#tail && !this.#dirty) return;
    }
  }

  #waitForGate(gate: Promise<unknown>): void {
    this.#open = false;
    this.#tail = gate.then(
      () => {
        this.#open = true;
        this.#pump();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #pump(): void {
    if (!this.#open || !this.#dirty || this.#failure !== undefined) return;
    const full = this.#pending.length >= BATCH_EVENTS && this.#inFlight < MAX_IN_FLIGHT;
    if (this.#inFlight === 0 || full) this.#append();
  }

  #append(): void {
    const events = this.#pending;
    const state = this.#snapshot();
    this.#pending = [];
    this.#dirty = false;
    this.#inFlight += 1;
    const appended = this.#sink.append(events, state);
    const before = this.#tail;
    this.#tail = (async () => {
      try {
        await appended;
        await before;
        this.#inFlight -= 1;
        if (this.#failure === undefined) this.#committed(state);
        this.#pump();
      } catch (error) {
        this.#inFlight -= 1;
        this.#fail(error);
      }
    })();
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#pending = [];
    this.#failed(error);
  }
}

function join(last: NewEvent, next: NewEvent): NewEvent | undefined {
  if (last.type !== next.type || (last.type !== "stdout" && last.type !== "stderr")) return undefined;
  const [before, after] = [last.payload, (next as typeof last).payload];
  if (!("text" in before) || !("text" in after)) return undefined;
  if (before.text.length + after.text.length > MAX_JOINED_TEXT) return undefined;
  return { type: last.type, payload: { text: before.text + after.text } };
}
