import type { Clock } from "../../core/index.ts";
import { Heap } from "./heap.ts";

interface Timer {
  readonly dueMs: number;
  /** The wall clock's due time, so that a host that slept does not sleep on. */
  readonly wallDueMs: number;
  readonly sequence: number;
  readonly ring: () => void;
  isOff: boolean;
}

/** The wall clock is looked at that often; the monotonic clock may stand still while the host sleeps. Milliseconds. */
const LOOK_MS = 10_000;

/**
 * Rings at times of the wall clock, which are what a journal can keep. A wall clock that is set back does not make anybody wait longer than was left when the timer
 * was set: the monotonic clock decides too.
 */
export class Timers {
  readonly #clock: Clock;
  readonly #heap = new Heap<Timer>((a, b) => a.dueMs - b.dueMs || a.sequence - b.sequence);
  #sequence = 0;
  #timeout: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rings once at `wallDueMs`, milliseconds since the epoch, at once when it is past. Never when the signal aborts first. */
  at(wallDueMs: number, signal: AbortSignal, ring: () => void): void {
    if (signal.aborted || this.#isClosed) return;
    this.#sequence += 1;
    const dueMs = this.#clock.monotonicMs() + Math.max(0, wallDueMs - this.#clock.nowMs());
    const off = () => {
      timer.isOff = true;
    };
    const timer: Timer = {
      dueMs,
      wallDueMs,
      sequence: this.#sequence,
      isOff: false,
      ring: () => {
        signal.removeEventListener("abort", off);
        ring();
      },
    };
    signal.addEventListener("abort", off, { once: true });
    this.#heap.push(timer);
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timeout);
    this.#heap.removeWhere(() => true);
  }

  #arm(): void {
    clearTimeout(this.#timeout);
    while (this.#heap.peek()?.isOff === true) this.#heap.pop();
    const next = this.#heap.peek();
    if (next === undefined) return;
    const wait = Math.min(LOOK_MS, Math.max(0, next.dueMs - this.#clock.monotonicMs()));
    this.#timeout = setTimeout(() => this.#ring(), Math.ceil(wait));
  }

  #ring(): void {
    const [nowMs, wallMs] = [this.#clock.monotonicMs(), this.#clock.nowMs()];
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (!next.isOff && next.dueMs > nowMs && next.wallDueMs > wallMs) break;
      this.#heap.pop();
      if (!next.isOff) next.ring();
    }
    this.#arm();
  }
}
