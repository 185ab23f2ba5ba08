import { type Clock, idTimeMs, isId, newId, type SealedValues } from "../../core/index.ts";
import type { CiRunStore } from "../../store/index.ts";

export type SecretValues = Readonly<Record<string, string>>;

const PREFIX = "ci-run/";
const MAX = 256;
/** How long secrets are kept that no run names, milliseconds. */
const UNUSED_MS = 86_400_000;

/** The secrets that runs are started with, by name (`ci run --secret`): sealed in the store, opened where a job asks for them, in no journal. */
export class RunSecrets {
  readonly #values: SealedValues;
  readonly #store: CiRunStore;
  readonly #clock: Clock;

  constructor(parts: { readonly values: SealedValues; readonly store: CiRunStore; readonly clock: Clock }) {
    this.#values = parts.values;
    this.#store = parts.store;
    this.#clock = parts.clock;
  }

  /** Under which id they are kept; `undefined` when there are none. */
  async keep(tenantId: string, secrets: SecretValues): Promise<string | undefined> {
    const entries = Object.entries(secrets);
    if (entries.length === 0) return undefined;
    const id = newId();
    for (const [name, value] of entries) await this.#values.set(tenantId, PREFIX + id, { name, value, max: MAX });
    return id;
  }

  of(tenantId: string, id: string | undefined): Promise<SecretValues> {
    return id === undefined ? Promise.resolve({}) : this.#values.open(tenantId, PREFIX + id);
  }

  /** Removes what no run names any more. */
  async sweep(tenants: readonly string[]): Promise<void> {
    for (const tenantId of tenants) {
      const ids = (await this.#values.scopes(tenantId, PREFIX)).map((scope) => scope.slice(PREFIX.length)).filter(isId);
      const used = await this.#store.inUse("secrets", ids);
      const before = this.#clock.nowMs() - UNUSED_MS;
      for (const id of ids.filter((one) => !used.has(one) && idTimeMs(one) < before)) {
        const scope = PREFIX + id;
        for (const { name } of await this.#values.list(tenantId, scope))
          await this.#values.delete(tenantId, scope, name);
      }
    }
  }
}
