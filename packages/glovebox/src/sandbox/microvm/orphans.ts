import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeWhenOver } from "../bubblewrap/sweep.ts";
import { WAITING_PREFIX } from "../supervisor/index.ts";

const LOOK_MS = 1_000;
const LAST_LOOK_MS = 50;
/** How long their ends are waited for when the driver closes, milliseconds. */
const CLOSE_MS = 1_500;

/** Nurseries of a killed server, which live as long as their copies. What they leave on the host is removed when they have ended. */
export class Orphans implements AsyncDisposable {
  readonly #runDir: string;
  readonly #closing = new AbortController();
  readonly #watched = new Map<string, Promise<void>>();

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  /** Of a copy that was found alive. `io` is its `MicrovmState.copy.io`, in the nursery's folder. */
  watch(io: string): void {
    const name = basename(dirname(io));
    const folder = join(this.#runDir, name);
    if (!name.startsWith(WAITING_PREFIX) || this.#watched.has(folder)) return;
    this.#watched.set(
      folder,
      this.#remove(folder).finally(() => this.#watched.delete(folder)),
    );
  }

  /** What ends later is a later sweep's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watched.values());
  }

  async #remove(folder: string): Promise<void> {
    const { signal } = this.#closing;
    let closesAt = Number.POSITIVE_INFINITY;
    while (!(await removeWhenOver(folder).catch(() => false))) {
      if (signal.aborted) closesAt = Math.min(closesAt, performance.now() + CLOSE_MS);
      if (performance.now() >= closesAt) return;
      if (signal.aborted) await sleep(LAST_LOOK_MS);
      else await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
