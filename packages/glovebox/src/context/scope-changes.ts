import type { Scope } from "./document.ts";

/** Tells who follows a scope that it changed. */
export class ScopeChanges {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next change after the call, or when the signal aborts. */
  next(tenantId: string, scope: Scope, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const key = `${tenantId} ${scope}`;
      const all = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, all);
      const done = () => {
        all.delete(done);
        if (all.size === 0) this.#waiting.delete(key);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      all.add(done);
      signal?.addEventListener("abort", done, { once: true });
      if (signal?.aborted === true) done();
    });
  }

  tell(tenantId: string, scopes: Iterable<Scope>): void {
    for (const scope of new Set(scopes))
      for (const done of [...(this.#waiting.get(`${tenantId} ${scope}`) ?? [])]) done();
  }
}
