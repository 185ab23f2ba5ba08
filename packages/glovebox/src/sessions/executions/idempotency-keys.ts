import { GloveboxError } from "../../core/index.ts";

/** Keys remembered per session; the store knows them all. */
const MAX_KEYS = 1_000;

/**
 * The idempotency keys of a session's latest executions, so that a retry finds its execution also while it, or another one, has the turn.
 */
export class IdempotencyKeys {
  readonly #known = new Map<string, { readonly hash: string; readonly executionId: string }>();

  /** The execution that came with the key. Errors: `conflict` when the request was another. */
  find(key: string, hash: string): string | undefined {
    const known = this.#known.get(key);
    if (known === undefined || known.hash === hash) return known?.executionId;
    throw new GloveboxError("conflict", "the idempotency key was used with another request");
  }

  remember(key: string, hash: string, executionId: string): void {
    this.#known.set(key, { hash, executionId });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KEYS && oldest !== undefined) this.#known.delete(oldest);
  }
}
