/** More timers than this at once are refused. */
const MAX_TIMERS = 10_000;

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  /** Milliseconds between calls; undefined for a timeout. */
  readonly everyMs: number | undefined;
}

/** Timers of the execution that runs, in order of due time, then of creation. None outlives its execution. */
export class Timers {
  #timers: Timer[] = [];
  #nextId = 1;

  add(delayMs: number, repeat: boolean): number {
    if (this.#timers.length >= MAX_TIMERS) throw new RangeError(`at most ${MAX_TIMERS} timers at once`);
    const delay = Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, repeat ? 1 : 0), 2_147_483_647) : 1;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#insert({ id, dueMs: performance.now() + delay, everyMs: repeat ? delay : undefined });
    return id;
  }

  remove(id: number): void {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  }

  clear(): void {
    this.#timers = [];
  }

  /** Milliseconds until the next one is due, 0 when it is; undefined without timers. */
  get nextInMs(): number | undefined {
    const first = this.#timers[0];
    return first && Math.max(0, first.dueMs - performance.now());
  }

  /** Takes the first timer that is due. A repeating one is put back. */
  takeDue(): { readonly id: number; readonly last: boolean } | undefined {
    const first = this.#timers[0];
    const now = performance.now();
    if (!first || first.dueMs > now) return undefined;
    this.#timers.shift();
    if (first.everyMs !== undefined) this.#insert({ ...first, dueMs: now + first.everyMs });
    return { id: first.id, last: first.everyMs === undefined };
  }

  #insert(timer: Timer): void {
    let at = this.#timers.length;
    for (; at > 0; at -= 1) {
      const before = this.#timers[at - 1];
      if (!before || before.dueMs <= timer.dueMs) break;
    }
    this.#timers.splice(at, 0, timer);
  }
}
