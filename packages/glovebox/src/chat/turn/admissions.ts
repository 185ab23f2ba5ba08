import { GloveboxError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

/**
 * Which runs are turns: those that the service began. An assistant names modules, addresses and environment variables, so a run of the program that somebody started by
 * other ways, with an assistant of their own, must not begin.
 */
export class Admissions {
  readonly #store: Store;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Starts a run and makes it its conversation's turn; a run that begins meanwhile waits to hear whether it is the one. */
  async while<T>(start: () => Promise<T>): Promise<T> {
    const starting = start();
    const settled = starting.then(
      () => {},
      () => {},
    );
    this.#underWay.add(settled);
    try {
      return await starting;
    } finally {
      this.#underWay.delete(settled);
    }
  }

  /** `permission_denied` unless the run is the conversation's turn. */
  async check(runId: string, tenantId: string, conversationId: string, signal: AbortSignal): Promise<void> {
    const pending = [...this.#underWay];
    if (await this.#isTurn(runId, tenantId, conversationId)) return;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([Promise.all(pending), aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    if (await this.#isTurn(runId, tenantId, conversationId)) return;
    throw new GloveboxError("permission_denied", "turns are begun by asking an assistant, and by nothing else", {
      details: { runId, conversationId },
    });
  }

  async #isTurn(runId: string, tenantId: string, conversationId: string): Promise<boolean> {
    return (await this.#store.conversations.get(tenantId, conversationId))?.currentRunId === runId;
  }
}
