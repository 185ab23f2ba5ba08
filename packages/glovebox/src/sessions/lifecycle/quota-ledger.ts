import { GloveboxError, type SessionLimits } from "../../core/index.ts";

/** What sessions may take; absent values are unlimited. */
export interface QuotaLimits {
  /** Live sessions. */
  readonly sessions?: number;
  /** Sum of the live sessions' limits, MiB. */
  readonly memoryMb?: number;
  readonly diskMb?: number;
  /** What snapshots take on disk, MiB. */
  readonly snapshotMb?: number;
}

export interface Quotas {
  readonly tenant: QuotaLimits;
  readonly host: QuotaLimits;
}

interface Sum {
  sessions: number;
  memoryMb: number;
  diskMb: number;
}

const SUMMED = ["sessions", "memoryMb", "diskMb"] as const satisfies readonly (keyof Sum)[];

/** Counts what live sessions may take, per tenant and on the whole host. */
export class QuotaLedger {
  readonly #quotas: Quotas;
  readonly #host: Sum = { sessions: 0, memoryMb: 0, diskMb: 0 };
  readonly #tenants = new Map<string, Sum>();

  constructor(quotas: Quotas) {
    this.#quotas = quotas;
  }

  /** Whether such sessions could be had on top of those that are counted, all of them together. */
  hasRoom(sessions: readonly { readonly tenantId: string; readonly limits: SessionLimits }[]): boolean {
    const sums = new Map<string, Sum>();
    for (const { tenantId, limits } of sessions) {
      for (const owner of ["host", `tenant ${tenantId}`]) {
        const sum = sums.get(owner) ?? { sessions: 0, memoryMb: 0, diskMb: 0 };
        sums.set(owner, sum);
        add(sum, { sessions: 1, memoryMb: limits.memoryMb, diskMb: limits.diskMb }, 1);
      }
    }
    return [...sums].every(([owner, more]) => {
      const used = owner === "host" ? this.#host : this.#tenants.get(owner.slice("tenant ".length));
      const quota = owner === "host" ? this.#quotas.host : this.#quotas.tenant;
      return SUMMED.every((name) => (used?.[name] ?? 0) + more[name] <= (quota[name] ?? Number.POSITIVE_INFINITY));
    });
  }

  /** Counts a session until it is disposed of. Errors: `resource_exhausted`, naming what is used up. */
  take(tenantId: string, limits: SessionLimits, options?: { readonly force?: boolean }): Disposable {
    const tenant = this.#tenants.get(tenantId) ?? { sessions: 0, memoryMb: 0, diskMb: 0 };
    const more: Sum = { sessions: 1, memoryMb: limits.memoryMb, diskMb: limits.diskMb };
    if (options?.force !== true) {
      check("tenant", this.#quotas.tenant, tenant, more);
      check("host", this.#quotas.host, this.#host, more);
    }
    this.#tenants.set(tenantId, tenant);
    add(tenant, more, 1);
    add(this.#host, more, 1);
    let taken = true;
    return {
      [Symbol.dispose]: () => {
        if (!taken) return;
        taken = false;
        add(tenant, more, -1);
        add(this.#host, more, -1);
      },
    };
  }
}

function check(owner: string, quota: QuotaLimits, used: Sum, more: Sum): void {
  for (const name of SUMMED) {
    const limit = quota[name];
    if (limit === undefined || used[name] + more[name] <= limit) continue;
    const message = `the ${owner}'s quota on ${name} is used up: ${used[name]} of ${limit}, and ${more[name]} more asked for`;
    throw new GloveboxError("resource_exhausted", message, {
      details: { owner, quota: name, used: used[name], asked: more[name], limit },
    });
  }
}

function add(sum: Sum, more: Sum, sign: 1 | -1): void {
  sum.sessions += sign * more.sessions;
  sum.memoryMb += sign * more.memoryMb;
  sum.diskMb += sign * more.diskMb;
}
