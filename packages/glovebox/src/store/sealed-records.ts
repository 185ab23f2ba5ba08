/** Secrets as the store keeps them: sealed before they get here, and never opened by it. */

export interface SealedSecret {
  readonly tenantId: string;
  /** The name of an environment variable. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly sealed: Uint8Array;
  /** Which key opens it. */
  readonly keyId: string;
  /** Counts up from 1 with every new value. */
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export type NewSealedSecret = Omit<SealedSecret, "version" | "createdAt" | "updatedAt">;

export interface SecretStore {
  /** Makes it, or replaces value and hosts of the one of that name. `at`: RFC 3339. `resource_exhausted` when the tenant would have more than `max`. */
  put(secret: NewSealedSecret, options: { readonly at: string; readonly max: number }): Promise<SealedSecret>;
  /** The tenant's secrets, by name; of those named only the ones that exist. At most what {@link put} allowed. */
  list(tenantId: string, names?: readonly string[]): Promise<readonly SealedSecret[]>;
  delete(tenantId: string, name: string): Promise<boolean>;
  /** Every tenant's that another key than `keyId` opens, `limit` at most. */
  underOtherKey(keyId: string, limit: number): Promise<readonly SealedSecret[]>;
  /** Puts the same value under another key. `false` when the secret was changed or deleted since it was read. */
  reseal(old: SealedSecret, sealed: Uint8Array, keyId: string): Promise<boolean>;
  /** The keys that are needed to open what is kept, each once. */
  keyIds(): Promise<readonly string[]>;
}

/** A tenant's certificate authority: opaque here. */
export interface SealedAuthority {
  readonly tenantId: string;
  readonly sealed: Uint8Array;
  readonly keyId: string;
  /** When its certificate ends, milliseconds since the epoch. */
  readonly notAfterMs: number;
}

/** One authority a tenant. */
export interface SealedAuthorityStore {
  get(tenantId: string): Promise<SealedAuthority | undefined>;
  /** Makes or replaces it. */
  put(authority: SealedAuthority): Promise<void>;
  underOtherKey(keyId: string, limit: number): Promise<readonly SealedAuthority[]>;
  /** As with {@link SecretStore.reseal}. */
  reseal(old: SealedAuthority, sealed: Uint8Array, keyId: string): Promise<boolean>;
  keyIds(): Promise<readonly string[]>;
}
