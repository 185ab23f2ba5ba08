/** A sealed value without the value. */
export interface SealedValueInfo {
  readonly name: string;
  /** Counts up from 1 with every new value. */
  readonly version: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

/**
 * Values that are sealed on disk under the server's master key, in scopes that their owner names (`repository/<id>/secrets`). How rooms reach
 * `governance` for them. All reject with `unavailable` when the key is not there.
 */
export interface SealedValues {
  /** Makes or replaces it. `resource_exhausted` when the scope would have more than `max` values. */
  set(
    tenantId: string,
    scope: string,
    value: { readonly name: string; readonly value: string; readonly max: number },
  ): Promise<SealedValueInfo>;
  /** By name. */
  list(tenantId: string, scope: string): Promise<readonly SealedValueInfo[]>;
  /** All values of a scope, by name. */
  open(tenantId: string, scope: string): Promise<Readonly<Record<string, string>>>;
  /** The scopes that begin so and have values. */
  scopes(tenantId: string, prefix: string): Promise<readonly string[]>;
  /** False when there is none such. */
  delete(tenantId: string, scope: string, name: string): Promise<boolean>;
}
