/** How many may work at a time. */
export interface SlotLimits {
  /** In all; default 64. */
  readonly concurrency?: number;
  /** Of one tenant; default: as many as in all. */
  readonly perTenant?: number;
  /** Of a kind; absent: as many as in all. */
  readonly perKind?: Readonly<Record<string, number>>;
}

interface Holder {
  readonly tenantId: string;
  readonly kind: string;
}

/** Counts who works. */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #tenants = new Map<string, number>();
  readonly #kinds = new Map<string, number>();
  #all = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Whether there is one for that tenant and kind now. */
  has({ tenantId, kind }: Holder): boolean {
    const max = this.#limits.concurrency ?? 64;
    const { perTenant = max, perKind = {} } = this.#limits;
    if (this.#all >= max || (this.#tenants.get(tenantId) ?? 0) >= perTenant) return false;
    return (this.#kinds.get(kind) ?? 0) < (perKind[kind] ?? max);
  }

  /** Takes one, whether there is one or not. */
  take(holder: Holder, onFree: () => void): { release(): void; retake(): void } {
    this.#count(holder, 1);
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#count(holder, -1);
        onFree();
      },
      retake: () => {
        if (isHeld) return;
        isHeld = true;
        this.#count(holder, 1);
      },
    };
  }

  #count({ tenantId, kind }: Holder, by: 1 | -1): void {
    this.#all += by;
    add(this.#tenants, tenantId, by);
    add(this.#kinds, kind, by);
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
