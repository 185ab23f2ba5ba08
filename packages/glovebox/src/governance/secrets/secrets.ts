import { randomBytes } from "node:crypto";
import {
  type BoundSecret,
  type Clock,
  canonicalJson,
  GloveboxError,
  type Logger,
  type SealedValues,
  toTimestamp,
} from "../../core/index.ts";
import type { SealedAuthorityStore, SealedSecret, SealedValueStore, SecretStore } from "../../store/index.ts";
import { createAuthorities, type TenantAuthorities } from "./authorities.ts";
import { environmentKeys } from "./environment-keys.ts";
import { fileKeys } from "./key-file.ts";
import { createSealedValues } from "./sealed-values.ts";
import { checkSecretInput, type SecretInput } from "./secret-input.ts";
import { type Sealing, Vault } from "./vault.ts";

/** Of one tenant. Masking looks for each of them in everything that is stored. */
const MAX_SECRETS = 256;
const BATCH = 50;

/** A secret without its value, which nothing but `bind` and `values` gives out. */
export interface SecretInfo {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What surfaces may do. */
export interface SecretService {
  /** Makes or replaces. `invalid_argument`, `resource_exhausted`, `unavailable`. */
  set(tenantId: string, input: SecretInput): Promise<SecretInfo>;
  /** By name; 256 at most. */
  list(tenantId: string): Promise<readonly SecretInfo[]>;
  /** `not_found`. */
  delete(tenantId: string, name: string): Promise<void>;
  /**
   * Seals every tenant's secrets and authorities under a new master key. `conflict` when the key comes from the environment, which only the user can change.
   */
  rotateKey(): Promise<{ readonly keyId: string; readonly resealed: number }>;
}

/** What only the server's own rooms may do: these give out values. */
export interface Secrets extends SecretService {
  /** With a placeholder each that is new with every call and cannot be guessed. `not_found` names the one that is missing; `unavailable` without the key. */
  bind(tenantId: string, names: readonly string[]): Promise<BoundSecret[]>;
  /** Every value of the tenant, to be masked. */
  values(tenantId: string): Promise<string[]>;
  readonly authorities: TenantAuthorities;
  /** What other rooms have sealed. */
  readonly sealedValues: SealedValues;
  /** Looks for the master key and ends a rotation that was cut short. Never rejects: without the key the server runs, and says so in its log. */
  start(): Promise<void>;
}

export interface SecretsOptions {
  readonly secrets: SecretStore;
  readonly authorities: SealedAuthorityStore;
  readonly sealedValues: SealedValueStore;
  /** Where the master key is, and is made at first need. */
  readonly keyFile: string;
  /** Keys from the environment (`GLOVEBOX_SECRETS_KEY`), which then stand instead of the file. */
  readonly environmentKey?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createSecrets(options: SecretsOptions): Secrets {
  const { secrets: store, clock, logger } = options;
  const { environmentKey, keyFile } = options;
  const source = environmentKey === undefined ? fileKeys(keyFile, logger) : environmentKeys(environmentKey);
  const vault = new Vault({ source, stores: options, logger });
  const authorities = createAuthorities(options.authorities, vault);
  const open = (secret: SealedSecret) => vault.open(secret, belongsTo(secret), `secret ${secret.name}`);
  const { resealSome, ...sealedValues } = createSealedValues(options.sealedValues, { vault, clock });
  const sealings: readonly Sealing[] = [sealingOf(store, vault), authorities, { resealSome }];

  return {
    authorities: { get: authorities.get, put: authorities.put },
    sealedValues,
    async set(tenantId, input) {
      const { name, value, hosts } = checkSecretInput(input);
      const bytes = Buffer.from(value, "utf8");
      try {
        const kept = await vault.sealed(bytes, belongsTo({ tenantId, name, hosts }), (sealed) =>
          store.put({ tenantId, name, hosts, ...sealed }, { at: toTimestamp(clock.nowMs()), max: MAX_SECRETS }),
        );
        return infoOf(kept);
      } finally {
        bytes.fill(0);
      }
    },
    list: async (tenantId) => (await store.list(tenantId)).map(infoOf),
    async delete(tenantId, name) {
      if (!(await store.delete(tenantId, name))) throw missing(name);
    },
    rotateKey: () => vault.rotate(sealings),
    async bind(tenantId, names) {
      if (names.length === 0) return [];
      const found = new Map((await store.list(tenantId, names)).map((secret) => [secret.name, secret]));
      return await Promise.all(
        [...new Set(names)].map(async (name) => {
          const secret = found.get(name);
          if (secret === undefined) throw missing(name);
          return { name, placeholder: placeholderFor(name), value: asText(await open(secret)), hosts: secret.hosts };
        }),
      );
    },
    values: async (tenantId) =>
      await Promise.all((await store.list(tenantId)).map(async (one) => asText(await open(one)))),
    async start() {
      try {
        await vault.resume(sealings);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        logger.error({ reason }, "secrets cannot be used; everything that needs one is refused until that is repaired");
      }
    },
  };
}

/** Bound to its hosts too: who can change a row must not send the value elsewhere. */
function belongsTo({ tenantId, name, hosts }: Pick<SealedSecret, "tenantId" | "name" | "hosts">): string {
  return canonicalJson({ kind: "secret", tenantId, name, hosts });
}

function sealingOf(store: SecretStore, vault: Vault): Sealing {
  return {
    async resealSome(ring) {
      const found = await store.underOtherKey(ring.current.id, BATCH);
      for (const old of found) {
        const value = await vault.open(old, belongsTo(old), `secret ${old.name} of ${old.tenantId}`);
        const { sealed, keyId } = vault.sealNow(ring, value, belongsTo(old));
        value.fill(0);
        await store.reseal(old, sealed, keyId);
      }
      return found.length;
    },
  };
}

function placeholderFor(name: string): string {
  return `gbxsecret_${name}_${randomBytes(16).toString("hex")}`;
}

/** The string lives until it is collected: JavaScript cannot zero one. */
function asText(bytes: Buffer): string {
  try {
    return bytes.toString("utf8");
  } finally {
    bytes.fill(0);
  }
}

function infoOf({ name, hosts, version, createdAt, updatedAt }: SealedSecret): SecretInfo {
  return { name, hosts, version, createdAt, updatedAt };
}

function missing(name: string): GloveboxError {
  return new GloveboxError("not_found", `there is no secret ${JSON.stringify(name)}`, { details: { secret: name } });
}
