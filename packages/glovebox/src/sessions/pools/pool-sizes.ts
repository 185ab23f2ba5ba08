import { GloveboxError, type PoolChange, type PoolSpec, type Template } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

/** Where sizes that were set at run time are kept. */
const KEY = "pools";

export interface SizeAndSource {
  readonly size: PoolSpec;
  readonly source: "set" | "template" | "configuration";
}

interface StoredSize extends PoolSpec {
  readonly tenantId: string;
}

/** How large each template's pool shall be: as was set at run time, else as the template says, else as the configuration does for a ready-made one. */
export class PoolSizes {
  readonly #settings: Store["settings"];
  readonly #configured: ReadonlyMap<string, PoolSpec>;
  readonly #tenantId: string;
  #set = new Map<string, StoredSize>();
  #writing: Promise<unknown> = Promise.resolve();

  /** `configured`: by the name of a ready-made template of the tenant `tenantId`. */
  constructor(settings: Store["settings"], configured: ReadonlyMap<string, PoolSpec>, tenantId: string) {
    this.#settings = settings;
    this.#configured = configured;
    this.#tenantId = tenantId;
  }

  /** The templates that have a size of their own, by id, with their tenants. */
  async load(): Promise<ReadonlyMap<string, string>> {
    const stored = (await this.#settings.get(KEY)) as Readonly<Record<string, StoredSize>> | undefined;
    this.#set = new Map(Object.entries(stored ?? {}));
    return new Map([...this.#set].map(([id, { tenantId }]) => [id, tenantId]));
  }

  of(template: Template): SizeAndSource {
    const set = this.#set.get(template.id);
    if (set !== undefined) {
      const { tenantId: _, ...size } = set;
      return { size, source: "set" };
    }
    const configured = template.tenantId === this.#tenantId ? this.#configured.get(template.name) : undefined;
    if (template.pool.max > 0 || configured === undefined) return { size: template.pool, source: "template" };
    return { size: configured, source: "configuration" };
  }

  /** Kept over restarts; `undefined`: the template and the configuration count again. Errors: `invalid_argument`, `store_failed`. */
  set(template: Template, size: PoolSpec | undefined): Promise<void> {
    if (size !== undefined) checkPoolSize(size);
    // One after the other: each writes the whole.
    const written = this.#writing.then(async () => {
      const next = new Map(this.#set);
      if (size === undefined) next.delete(template.id);
      else next.set(template.id, { ...size, tenantId: template.tenantId });
      await this.#settings.set(KEY, Object.fromEntries(next));
      this.#set = next;
    });
    this.#writing = written.catch(() => {});
    return written;
  }

  has(templateId: string): boolean {
    return this.#set.has(templateId);
  }
}

/** Where only one of `min` and `max` is given, the other follows it. */
export function changedSize(size: PoolSpec, change: Exclude<PoolChange, { readonly reset: true }>): PoolSpec {
  const { refillConcurrency = size.refillConcurrency } = change;
  const { min = Math.min(size.min, change.max ?? size.max) } = change;
  const { max = Math.max(size.max, min) } = change;
  return { min, max, refillConcurrency };
}

/** Errors: `invalid_argument`. */
export function checkPoolSize({ min, max }: PoolSpec): void {
  if (min <= max) return;
  throw new GloveboxError("invalid_argument", `a pool cannot keep ${min} ready when it may have ${max} at most`, {
    details: { path: "pool.min" },
  });
}
