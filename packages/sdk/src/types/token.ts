export type Role = "admin" | "operator" | "developer" | "agent" | "viewer";

export interface TokenInput {
  readonly name: string;
  /** Default `["developer"]`. */
  readonly roles?: readonly Role[] | undefined;
  /** RFC 3339; without it the token does not expire. */
  readonly expiresAt?: string | undefined;
  /** Only the root token may name another tenant. */
  readonly tenantId?: string | undefined;
}

/** A token as listed: never its secret, of which only a hash is stored. */
export interface Token {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** The secret's first characters, to recognise it by. */
  readonly prefix: string;
  readonly root: boolean;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly lastUsedAt?: string;
}
