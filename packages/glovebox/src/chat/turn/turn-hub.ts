import type { TurnEvent } from "../services.ts";

type Listener = (event: TurnEvent) => void;

/** What happens in turns, told in memory to whoever listens right now. Nothing is kept: the journal is. */
export class TurnHub {
  readonly #listeners = new Map<string, Set<Listener>>();

  emit(runId: string, event: TurnEvent): void {
    for (const listener of this.#listeners.get(runId) ?? []) listener(event);
  }

  /** Until it is disposed of. */
  listen(runId: string, listener: Listener): Disposable {
    const all = this.#listeners.get(runId) ?? new Set();
    this.#listeners.set(runId, all.add(listener));
    return {
      [Symbol.dispose]: () => {
        all.delete(listener);
        if (all.size === 0) this.#listeners.delete(runId);
      },
    };
  }
}
