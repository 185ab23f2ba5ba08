import os from "node:os";
import type { Logger } from "../../core/index.ts";
import type { GatedRestore } from "./gated-restore.ts";
import { keyOf, type RestoreShape } from "./restore-shape.ts";

/** Shapes for which any wait; those asked for longest ago go first. */
const MOST_SHAPES = 2;
const UNUSED_MS = 5 * 60_000;
/** So that starting one does not compete with what was just restored. */
const DELAY_MS = 100;
const HOLD_MS = 60_000;
/** Of the host's memory must be free for another, percent. */
const LEAST_FREE = 10;

/** A {@link GatedRestore}, as far as it matters here. */
type Waiting = Pick<GatedRestore, "alive" | "ready" | "discard">;

export interface WaitingRestoresOptions<W> {
  /** How many wait for each shape. 0: none ever does. */
  readonly most: number;
  readonly begin: (shape: RestoreShape) => Promise<W>;
  readonly logger: Logger;
}

interface Kept<W> {
  readonly shape: RestoreShape;
  readonly ready: W[];
  readonly timer: NodeJS.Timeout;
}

/** Restores that have come to their gates before anybody wants them, for shapes that are likely to be restored. */
export class WaitingRestores<W extends Waiting = GatedRestore> implements AsyncDisposable {
  readonly #options: WaitingRestoresOptions<W>;
  /** By key; the one that was asked for last is the last. */
  readonly #kept = new Map<string, Kept<W>>();
  readonly #looking = new Set<Promise<void>>();
  readonly #leaving = new Set<Promise<void>>();
  #starts = 0;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #filling: Promise<void> | undefined;

  constructor(options: WaitingRestoresOptions<W>) {
    this.#options = options;
  }

  /** One of this shape that waits, or is on its way to its gate; the caller owns it. Another will take its place. */
  take(shape: RestoreShape): W | undefined {
    const ready = this.#touch(shape)?.ready ?? [];
    for (let next = ready.shift(); next; next = ready.shift()) {
      if (next.alive) return next;
      this.#discard(next);
    }
    return undefined;
  }

  /** Has one of the shape that `look` finds, if it finds any, wait soon, and for some minutes. */
  want(look: () => Promise<RestoreShape | undefined>): void {
    const { logger } = this.#options;
    const looking = look().then(
      (shape) => {
        if (!shape || !this.#touch(shape)) return;
        this.#fillSoon();
      },
      (error: unknown) => logger.warn({ error: String(error) }, "no restore will wait"),
    );
    this.#looking.add(looking);
    void looking.finally(() => this.#looking.delete(looking));
  }

  /** Does what starts a sandbox: none is begun meanwhile. */
  async during<T>(start: () => Promise<T>): Promise<T> {
    this.#starts += 1;
    try {
      return await start();
    } finally {
      this.#starts -= 1;
      this.#fillSoon();
    }
  }

  /** Begins what is wanted now, if no sandbox is being started. Resolves when those that are wanted wait. */
  async settled(): Promise<void> {
    await Promise.all(this.#looking);
    clearTimeout(this.#timer);
    // What waits keeps no process alive, but who waits for it shall not end over it.
    const hold = setInterval(() => {}, HOLD_MS);
    await this.#fill().finally(() => clearInterval(hold));
  }

  /** Ends all that wait. */
  async clear(): Promise<void> {
    await Promise.all(this.#looking);
    for (const key of [...this.#kept.keys()]) this.#drop(key);
    clearTimeout(this.#timer);
    await this.#filling;
    await Promise.all(this.#leaving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.clear();
  }

  #touch(shape: RestoreShape): Kept<W> | undefined {
    if (this.#closed || this.#options.most === 0) return undefined;
    const key = keyOf(shape);
    const before = this.#kept.get(key);
    clearTimeout(before?.timer);
    this.#kept.delete(key);
    const timer = setTimeout(() => this.#drop(key), UNUSED_MS).unref();
    const kept = { shape, ready: before?.ready ?? [], timer };
    this.#kept.set(key, kept);
    for (const oldest of [...this.#kept.keys()].slice(0, -MOST_SHAPES)) this.#drop(oldest);
    return kept;
  }

  #fillSoon(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#kept.size === 0) return;
    this.#timer = setTimeout(() => void this.#fill(), DELAY_MS).unref();
  }

  #fill(): Promise<void> {
    this.#filling ??= this.#fillAll().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  /** One after the other; a start that begins meanwhile ends it, and begins it again when it is over. */
  async #fillAll(): Promise<void> {
    for (let next = this.#lacking(); next; next = this.#lacking()) {
      const [key, kept] = next;
      try {
        const made = await this.#options.begin(kept.shape);
        const ready = this.#kept.get(key)?.ready;
        if (!ready) {
          // Nobody wants it any more.
          this.#discard(made);
          continue;
        }
        ready.push(made);
        if (!(await made.ready()) && ready.includes(made)) throw new Error("runsc ended before it came to its gate");
      } catch (error) {
        this.#drop(key);
        this.#options.logger.warn({ error: String(error) }, "no restore could be kept waiting");
      }
    }
  }

  #lacking(): [string, Kept<W>] | undefined {
    if (this.#closed || this.#starts > 0 || (100 * os.freemem()) / os.totalmem() < LEAST_FREE) return undefined;
    return [...this.#kept].find(([, { ready }]) => ready.length < this.#options.most);
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    clearTimeout(kept?.timer);
    this.#kept.delete(key);
    for (const each of kept?.ready.splice(0) ?? []) this.#discard(each);
  }

  #discard(waiting: W): void {
    const left = waiting.discard().catch((error: unknown) => {
      this.#options.logger.warn({ error: String(error) }, "a restore that waited could not be removed");
    });
    this.#leaving.add(left);
    void left.finally(() => this.#leaving.delete(left));
  }
}
