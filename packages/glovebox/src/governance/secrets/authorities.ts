import { canonicalJson } from "../../core/index.ts";
import type { SealedAuthorityStore } from "../../store/index.ts";
import type { Sealing, Vault } from "./vault.ts";

/** A tenant's certificate authority with its key, as bytes whose meaning is the proxy's. */
export interface TenantAuthorities {
  /** The caller zeroes what it gets. `unavailable` without the master key. */
  get(tenantId: string): Promise<Uint8Array | undefined>;
  /** `notAfterMs`: when its certificate ends, milliseconds since the epoch. */
  put(tenantId: string, bytes: Uint8Array, notAfterMs: number): Promise<void>;
}

const BATCH = 50;

export function createAuthorities(store: SealedAuthorityStore, vault: Vault): TenantAuthorities & Sealing {
  const belongsTo = (tenantId: string) => canonicalJson({ kind: "authority", tenantId });
  return {
    async get(tenantId) {
      const found = await store.get(tenantId);
      if (found === undefined) return undefined;
      return await vault.open(found, belongsTo(tenantId), `the certificate authority of ${tenantId}`);
    },
    async put(tenantId, bytes, notAfterMs) {
      await vault.sealed(bytes, belongsTo(tenantId), (sealed) => store.put({ tenantId, notAfterMs, ...sealed }));
    },
    async resealSome(ring) {
      const found = await store.underOtherKey(ring.current.id, BATCH);
      for (const old of found) {
        const what = `the certificate authority of ${old.tenantId}`;
        const value = await vault.open(old, belongsTo(old.tenantId), what);
        const { sealed, keyId } = vault.sealNow(ring, value, belongsTo(old.tenantId));
        value.fill(0);
        await store.reseal(old, sealed, keyId);
      }
      return found.length;
    },
  };
}
