import { GloveboxError } from "../../core/index.ts";

/** How many may wait for one session. */
const MAX_WAITING = 1_000;

/** A place in a session's queue. */
export interface Place {
  /** Resolves when it is this one's turn, at once when nobody is before it. */
  readonly mine: Promise<void>;
  /** Whether it had to wait. */
  readonly waited: boolean;
  /** The work is over, and only what follows it is not: from now on others wait for the turn, also those who would not. */
  finish(): void;
  /** Ends the turn, or gives up the place. Idempotent. */
  leave(): void;
}

interface Entry {
  readonly begin: () => void;
  finishing: boolean;
}

/** One execution at a time, in order of arrival. */
export class Turn {
  readonly #queue: Entry[] = [];
  #entered = 0;

  get busy(): boolean {
    return this.#queue.length > 0;
  }

  /** How many have entered so far. */
  get entered(): number {
    return this.#entered;
  }

  /** Errors: `session_busy` when another has the turn and `onBusy` is `reject`; `queue_full`. */
  enter(onBusy: "reject" | "queue"): Place {
    const waited = this.#queue.length > 0;
    if (onBusy === "reject" && this.#queue.some(({ finishing }) => !finishing)) {
      throw new GloveboxError("session_busy", "another execution runs in the session; ask with onBusy 'queue' to wait");
    }
    if (this.#queue.length > MAX_WAITING) {
      throw new GloveboxError("queue_full", `${MAX_WAITING} executions wait for the session already`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry = { begin: resolve, finishing: false };
    this.#queue.push(entry);
    this.#entered += 1;
    if (!waited) resolve();
    const finish = () => {
      entry.finishing = true;
    };
    return { mine: promise, waited, finish, leave: () => this.#leave(entry) };
  }

  #leave(entry: Entry): void {
    const at = this.#queue.indexOf(entry);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    if (at === 0) this.#queue[0]?.begin();
  }
}
