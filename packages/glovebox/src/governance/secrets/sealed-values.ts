import { type Clock, canonicalJson, type SealedValueInfo, type SealedValues, toTimestamp } from "../../core/index.ts";
import type { SealedValue, SealedValueStore } from "../../store/index.ts";
import type { Sealing, Vault } from "./vault.ts";

const BATCH = 50;

export function createSealedValues(
  store: SealedValueStore,
  { vault, clock }: { readonly vault: Vault; readonly clock: Clock },
): SealedValues & Sealing {
  const open = (value: SealedValue) => vault.open(value, belongsTo(value), `the value ${value.name}`);
  return {
    async set(tenantId, scope, { name, value, max }) {
      const bytes = Buffer.from(value, "utf8");
      try {
        const kept = await vault.sealed(bytes, belongsTo({ tenantId, scope, name }), (sealed) =>
          store.put({ tenantId, scope, name, ...sealed }, { at: toTimestamp(clock.nowMs()), max }),
        );
        return infoOf(kept);
      } finally {
        bytes.fill(0);
      }
    },
    list: async (tenantId, scope) => (await store.list(tenantId, scope)).map(infoOf),
    async open(tenantId, scope) {
      const found = await store.list(tenantId, scope);
      const values = await Promise.all(
        found.map(async (one) => {
          const bytes = await open(one);
          const text = bytes.toString("utf8");
          bytes.fill(0);
          return [one.name, text] as const;
        }),
      );
      return Object.fromEntries(values);
    },
    scopes: (tenantId, prefix) => store.scopes(tenantId, prefix),
    delete: (tenantId, scope, name) => store.delete(tenantId, scope, name),
    async resealSome(ring) {
      const found = await store.underOtherKey(ring.current.id, BATCH);
      for (const old of found) {
        const value = await open(old);
        const { sealed, keyId } = vault.sealNow(ring, value, belongsTo(old));
        value.fill(0);
        await store.reseal(old, sealed, keyId);
      }
      return found.length;
    },
  };
}

/** Bound to its place: a row that is put in another's does not open. */
function belongsTo({ tenantId, scope, name }: Pick<SealedValue, "tenantId" | "scope" | "name">): string {
  return canonicalJson({ kind: "value", tenantId, scope, name });
}

function infoOf({ name, version, createdAt, updatedAt }: SealedValue): SealedValueInfo {
  return { name, version, createdAt, updatedAt };
}
