import type { Clock, Session } from "../../core/index.ts";

/** The longest a timer can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The lifetimes of sessions that have no sandbox. They end when they are over; idle time does not count. */
export class Lifetimes implements Disposable {
  readonly #clock: Clock;
  readonly #end: (row: Session) => Promise<void>;
  readonly #timers = new Map<string, NodeJS.Timeout | undefined>();

  constructor(clock: Clock, end: (row: Session) => Promise<void>) {
    this.#clock = clock;
    this.#end = end;
  }

  watch(row: Session): void {
    this.forget(row.id);
    const { expiresAt } = row;
    if (expiresAt === undefined) {
      this.#timers.set(row.id, undefined);
      return;
    }
    const endMs = this.#clock.monotonicMs() + Date.parse(expiresAt) - this.#clock.nowMs();
    const look = () => {
      const left = endMs - this.#clock.monotonicMs();
      // A store that cannot be written is asked again when somebody asks for the session, or after a restart.
      if (left <= 0) return void this.#end(row).catch(() => {});
      const timer = setTimeout(look, Math.min(Math.ceil(left), MAX_DELAY_MS));
      timer.unref();
      this.#timers.set(row.id, timer);
    };
    this.#timers.set(row.id, undefined);
    look();
  }

  has(id: string): boolean {
    return this.#timers.has(id);
  }

  forget(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#timers.keys()]) this.forget(id);
  }
}
