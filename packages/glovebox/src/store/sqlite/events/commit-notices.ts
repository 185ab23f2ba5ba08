import type { StreamRef } from "../../../core/index.ts";

/** Tells followers in this process that a stream has changed on disk. */
export class CommitNotices {
  readonly #watches = new Map<string, Set<Watch>>();

  watch(stream: StreamRef): Watch {
    const key = keyOf(stream);
    const set = this.#watches.get(key) ?? new Set();
    this.#watches.set(key, set);
    const watch = new Watch(() => {
      set.delete(watch);
      if (set.size === 0) this.#watches.delete(key);
    });
    set.add(watch);
    return watch;
  }

  notify(stream: StreamRef): void {
    for (const watch of this.#watches.get(keyOf(stream)) ?? []) watch.wake();
  }

  /** The store closes: nothing will come any more. */
  notifyAll(): void {
    for (const set of this.#watches.values()) for (const watch of set) watch.wake();
  }
}

/** One follower's bell. It remembers a ring that came while nobody was waiting. */
export class Watch implements Disposable {
  readonly #onDispose: () => void;
  #rung = false;
  #ring: (() => void) | undefined;

  constructor(onDispose: () => void) {
    this.#onDispose = onDispose;
  }

  wake(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Resolves when it has rung since the last wait, or when the signal aborts. */
  async wait(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#rung && signal?.aborted !== true) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const ring = () => resolve();
      this.#ring = ring;
      signal?.addEventListener("abort", ring, { once: true });
      try {
        await promise;
      } finally {
        signal?.removeEventListener("abort", ring);
        this.#ring = undefined;
      }
    }
    this.#rung = false;
  }

  [Symbol.dispose](): void {
    this.#onDispose();
  }
}

function keyOf(stream: StreamRef): string {
  return `${stream.id}/${stream.kind}/${stream.tenantId}`;
}
