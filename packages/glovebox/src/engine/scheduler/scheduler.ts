import { type Clock, type ErrorBody, GloveboxError, toGloveboxError } from "../../core/index.ts";
import type { RetryPolicy } from "../program.ts";
import { nextDelayMs } from "../retry.ts";
import { Lanes } from "./lanes.ts";
import { type SlotLimits, Slots } from "./slots.ts";

/** What a task holds while it works. */
export interface Slot {
  /** Lets others work while this task only waits. */
  release(): void;
  /** Takes it back, at once: for a moment there may be one more at work than allowed, never a task that waits for one that waits for it. */
  retake(): void;
}

export interface Task {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: string;
  /** Higher first among what is due; default 0. */
  readonly priority?: number;
  /** Not before that many milliseconds from now; default 0. */
  readonly delayMs?: number;
  /** Default: one attempt. */
  readonly retry?: RetryPolicy;
  /** No attempt after that, milliseconds since the epoch. */
  readonly deadlineMs?: number;
  work(attempt: number, signal: AbortSignal, slot: Slot): Promise<void>;
}

interface Attempt {
  readonly endedMs: number;
  readonly error: ErrorBody;
}

/** A task that nobody tries any more. */
export interface DeadLetter {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: string;
  readonly attempts: readonly Attempt[];
  readonly summary: string;
}

export interface SchedulerOptions extends SlotLimits {
  readonly clock: Clock;
  /** Tasks that wait for their turn; default 10,000. */
  readonly maxQueued?: number;
  /** What a full queue does with the next one; default `reject`, with `queue_full`. */
  readonly whenFull?: "reject" | "drop_oldest";
  /** Dead letters that are kept, the newest; default 1,000. */
  readonly maxDeadLetters?: number;
  /** A task left the queue without being done. */
  readonly onDead?: (letter: DeadLetter) => void;
}

interface Queued {
  readonly task: Task;
  /** On the monotonic clock. */
  readonly dueMs: number;
  readonly sequence: number;
  readonly attempts: readonly Attempt[];
}

/** The longest that `setTimeout` takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Gives tasks their turn: by due time, then priority, then the order in which they came. So ties are always decided the same way. */
export class Scheduler implements AsyncDisposable {
  readonly #options: SchedulerOptions;
  readonly #queue = new Lanes<Queued>(byTurn);
  readonly #slots: Slots;
  readonly #working = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  readonly #deadLetters: DeadLetter[] = [];
  #sequence = 0;
  #timeout: NodeJS.Timeout | undefined;
  #isScheduled = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = new Slots(options);
  }

  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Puts a task in the queue. `queue_full` when there is no room, unless it is to be taken `always`; `unavailable` after the end. */
  submit(task: Task, options: { readonly always?: boolean } = {}): void {
    if (this.#stop.signal.aborted) throw new GloveboxError("unavailable", "the scheduler has ended");
    if (options.always !== true && this.queued >= (this.#options.maxQueued ?? 10_000)) {
      if (this.#options.whenFull !== "drop_oldest")
        throw new GloveboxError("queue_full", "too many tasks wait for their turn");
      this.#dropOldest();
    }
    this.#enqueue(task, task.delayMs ?? 0, []);
  }

  /** Takes a task out of the queue; `false` when it is not in it. */
  remove(id: string): boolean {
    return this.#queue.removeWhere(({ task }) => task.id === id).length > 0;
  }

  /** No new turns; what works is told to end, and waited for. What waits is left to its owner: given back, not done. */
  async park(): Promise<readonly Task[]> {
    this.#stop.abort(new GloveboxError("unavailable", "the scheduler ends"));
    clearTimeout(this.#timeout);
    const waiting = this.#queue.removeWhere(() => true);
    await Promise.allSettled(this.#working.values());
    return waiting.toSorted((a, b) => a.sequence - b.sequence).map(({ task }) => task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.park();
  }

  #enqueue(task: Task, delayMs: number, attempts: readonly Attempt[]): void {
    this.#sequence += 1;
    // What may begin at once is due since ever, so that among it priority decides, however long it waits; else whole milliseconds.
    const dueMs = delayMs > 0 ? Math.floor(this.#options.clock.monotonicMs() + delayMs) : 0;
    this.#queue.push({ task, dueMs, sequence: this.#sequence, attempts });
    this.#soon();
  }

  /** After this turn of the event loop, so that tasks submitted together compete by priority. */
  #soon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#takeTurns();
    });
  }

  #takeTurns(): void {
    if (this.#stop.signal.aborted) return;
    const nowMs = this.#options.clock.monotonicMs();
    const mayWork = (task: Queued["task"]) => this.#slots.has(task);
    for (
      let next = this.#queue.takeDue(nowMs, mayWork);
      next !== undefined;
      next = this.#queue.takeDue(nowMs, mayWork)
    ) {
      this.#start(next);
    }
    clearTimeout(this.#timeout);
    // Who is due and has no slot is looked at again when one is free.
    const dueMs = this.#queue.nextDueMs(nowMs);
    if (dueMs === undefined) return;
    this.#timeout = setTimeout(() => this.#takeTurns(), Math.min(MAX_TIMEOUT_MS, Math.ceil(dueMs - nowMs)));
  }

  #start(queued: Queued): void {
    const { task } = queued;
    const slot = this.#slots.take(task, () => this.#soon());
    const work = this.#attempt(queued, slot).finally(() => {
      slot.release();
      if (this.#working.get(task.id) === work) this.#working.delete(task.id);
    });
    this.#working.set(task.id, work);
  }

  async #attempt({ task, attempts }: Queued, slot: Slot): Promise<void> {
    try {
      await task.work(attempts.length + 1, this.#stop.signal, slot);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      const error = toGloveboxError(thrown);
      const history = [...attempts, { endedMs: this.#options.clock.nowMs(), error: error.toBody() }];
      const delayMs = nextDelayMs(task.retry ?? { maxAttempts: 1 }, error, history.length, Math.random());
      const isLate = task.deadlineMs !== undefined && this.#options.clock.nowMs() + (delayMs ?? 0) >= task.deadlineMs;
      if (delayMs === undefined || isLate)
        this.#bury(task, history, `failed ${history.length} times: ${error.message}`);
      else this.#enqueue(task, delayMs, history);
    }
  }

  #dropOldest(): void {
    const [oldest, ...kept] = this.#queue.removeWhere(() => true).toSorted((a, b) => a.sequence - b.sequence);
    for (const queued of kept) this.#queue.push(queued);
    if (oldest !== undefined)
      this.#bury(oldest.task, oldest.attempts, "dropped: the queue was full and newer tasks came");
  }

  #bury({ id, tenantId, kind }: Task, attempts: readonly Attempt[], summary: string): void {
    const letter = { id, tenantId, kind, attempts, summary };
    this.#deadLetters.push(letter);
    if (this.#deadLetters.length > (this.#options.maxDeadLetters ?? 1000)) this.#deadLetters.shift();
    this.#options.onDead?.(letter);
  }
}

function byTurn(a: Queued, b: Queued): number {
  return a.dueMs - b.dueMs || (b.task.priority ?? 0) - (a.task.priority ?? 0) || a.sequence - b.sequence;
}
