import { EventEmitter, once } from "node:events";
import { GloveboxError } from "../../core/index.ts";

/** Wakes who follows a run when something of it was written. */
export class RunChanges {
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #closed = new AbortController();

  tell(runId: string): void {
    this.#events.emit(eventOf(runId));
  }

  /** Resolves at the next change from now on. To be asked for before looking, so that nothing is missed in between. Rejects when the signal aborts, or everything is closed. */
  async next(runId: string, signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    try {
      await once(this.#events, eventOf(runId), { signal: ended });
    } catch {
      throw ended.reason;
    }
  }

  close(): void {
    this.#closed.abort(new GloveboxError("unavailable", "the engine is closed"));
  }
}

/** No id is `error`, which emitters treat in a way of its own; but nobody has to know. */
function eventOf(runId: string): string {
  return `run ${runId}`;
}
