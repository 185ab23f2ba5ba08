import type { Template } from "../../core/index.ts";

const MAX_KEPT = 256;

/**
 * Templates as they are now, by tenant and what they were asked for by: most sessions are made of the same few, and reading one costs more than all else that
 * the server computes for a session out of a pool. Whoever changes a tenant's templates forgets them once that is on disk.
 */
export class RecentTemplates {
  readonly #kept = new Map<string, Map<string, Template>>();
  #changes = 0;

  /** The one that is kept, else what `read` gives. */
  async get(
    tenantId: string,
    idOrName: string,
    read: () => Promise<Template | undefined>,
  ): Promise<Template | undefined> {
    const kept = this.#kept.get(tenantId)?.get(idOrName);
    if (kept !== undefined) return kept;
    const before = this.#changes;
    const template = await read();
    // What was read while something changed may be of before.
    if (template !== undefined && this.#changes === before) this.#keep(tenantId, idOrName, template);
    return template;
  }

  forget(tenantId: string): void {
    this.#changes += 1;
    this.#kept.delete(tenantId);
  }

  #keep(tenantId: string, idOrName: string, template: Template): void {
    const mine = this.#kept.get(tenantId) ?? new Map<string, Template>();
    // Seldom: it is cheaper to read them again than to know which was used last.
    if (mine.size >= MAX_KEPT) mine.clear();
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(tenantId, mine.set(idOrName, template));
  }
}
