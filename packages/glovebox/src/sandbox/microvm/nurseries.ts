import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../../core/index.ts";
import type { MachineRoom } from "./machines.ts";
import { Nursery, type NurseryWish } from "./nursery.ts";

/** How many there are at most; those used longest ago go first. */
const MOST = 4;
const UNUSED_MS = 5 * 60_000;
const LOOK_MS = 20_000;
/** After one that could not be made, or went wrong, none of its template is tried for so long. */
const REST_MS = 60_000;
/** How long the end of one that refused may take to be seen, milliseconds. */
const END_SEEN_MS = 300;
/** How long those without copies may take to end when the driver closes, milliseconds. */
const CLOSE_MS = 3_000;

interface Kept {
  readonly nursery: Nursery;
  usedAt: number;
}

/** Nurseries by the keys of their templates, each made when its template was asked for the first time. */
export class Nurseries implements AsyncDisposable {
  readonly #room: MachineRoom;
  readonly #logger: Logger;
  readonly #closing = new AbortController();
  /** Nobody waits any more for the ends of those that have copies. */
  readonly #giveUp = new AbortController();
  readonly #kept = new Map<string, Kept>();
  readonly #making = new Map<string, Promise<void>>();
  readonly #restUntil = new Map<string, number>();
  readonly #retiring = new Set<Promise<void>>();
  #looking: Promise<void> | undefined;

  constructor(room: MachineRoom, logger: Logger) {
    this.#room = room;
    this.#logger = logger;
  }

  /** The one of that template, if it stands ready; else it is made beside, for who comes later. */
  take(wish: NurseryWish): Nursery | undefined {
    const { key } = wish.template;
    if ((this.#restUntil.get(key) ?? 0) > performance.now()) return undefined;
    const kept = this.#kept.get(key);
    if (kept?.nursery.alive) {
      kept.usedAt = performance.now();
      return kept.nursery;
    }
    if (kept) this.#drop(key);
    if (this.#making.has(key) || this.#closing.signal.aborted) return undefined;
    this.#restUntil.delete(key);
    const made = this.#make(wish).finally(() => this.#making.delete(key));
    this.#making.set(key, made);
    return undefined;
  }

  /** It did not give a copy: another is made, but not at once, unless it had ended. */
  async failed(key: string): Promise<void> {
    const nursery = this.#kept.get(key)?.nursery;
    if (!nursery) return;
    this.#restUntil.set(key, performance.now() + REST_MS);
    // A killed process refuses a moment before its end is seen.
    if (await nursery.ends(END_SEEN_MS)) this.#restUntil.delete(key);
    if (this.#kept.get(key)?.nursery === nursery) this.#drop(key);
  }

  /** Resolves when none is being made. */
  async settled(): Promise<void> {
    await Promise.all(this.#making.values());
  }

  /** Lets go of all; they are made again when they are asked for. Resolves when those without copies are gone, in three seconds at most. */
  async clear(): Promise<void> {
    await this.settled();
    for (const key of [...this.#kept.keys()]) this.#drop(key);
    const late = new AbortController();
    const bound = sleep(CLOSE_MS, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#retiring), bound]);
    late.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.clear();
    this.#giveUp.abort();
    await Promise.all(this.#retiring);
    await this.#looking;
  }

  async #make(wish: NurseryWish): Promise<void> {
    const { key } = wish.template;
    try {
      const nursery = await Nursery.start(this.#room, wish, this.#closing.signal);
      this.#kept.set(key, { nursery, usedAt: performance.now() });
      if (this.#closing.signal.aborted) this.#drop(key);
      while (this.#kept.size > MOST) this.#dropOldest();
      this.#looking ??= this.#look();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#restUntil.set(key, performance.now() + REST_MS);
      this.#logger.warn({ error: String(error) }, "machines of a template cannot be copied as processes");
    }
  }

  #dropOldest(): void {
    const [oldest] = [...this.#kept].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    if (oldest) this.#drop(oldest[0]);
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (!kept) return;
    this.#kept.delete(key);
    const retired = kept.nursery.retire(this.#room.uids, this.#giveUp.signal).catch((error: unknown) => {
      this.#logger.warn({ error: String(error) }, "a nursery could not be removed");
    });
    this.#retiring.add(retired);
    void retired.finally(() => this.#retiring.delete(retired));
  }

  /** Now and then: lets go of what is not used. */
  async #look(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { ref: false, signal }).catch(() => {});
      for (const [key, { usedAt }] of [...this.#kept]) {
        if (performance.now() - usedAt > UNUSED_MS) this.#drop(key);
      }
    }
  }
}
