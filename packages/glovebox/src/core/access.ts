import type { Principal, Role, Token, TokenInput } from "./token.ts";

/** How surfaces reach `governance`: who asks, whether they may, and how often. */

/** What an operation acts on. */
export interface Resource {
  readonly kind: string;
  readonly tenantId: string;
  readonly id?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why, for people and for the audit log. */
  readonly reasons: readonly string[];
}

/** Decides by the operation's id. Anything but an explicit yes is a no. */
export interface Authorizer {
  check(principal: Principal, action: string, resource: Resource): Decision;
}

export type Authentication =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly failure: "missing" | "unknown" | "expired" };

export interface TokenPage {
  readonly items: readonly Token[];
  readonly nextCursor?: string;
}

/** The tokens by which clients are known. Secrets are kept as hashes only. */
export interface TokenService {
  /** Never throws for a bad secret. */
  authenticate(secret: string | undefined): Promise<Authentication>;
  /** The secret is in the answer and nowhere else. `permission_denied` for another tenant, or roles the maker lacks. */
  create(maker: Principal, input: TokenInput): Promise<{ readonly token: Token; readonly secret: string }>;
  list(tenantId: string, page?: { readonly limit?: number; readonly cursor?: string }): Promise<TokenPage>;
  /** Holds from the next request on. `conflict` for the root token. */
  delete(tenantId: string, id: string): Promise<void>;
}

/** Counts what each caller does. */
export interface RateLimiter {
  /** Takes one; tells how many milliseconds to wait when there is none left, else 0. */
  take(key: string): number;
}

/** Roles from the weakest to the strongest; each may all that those before it may. */
export const ROLE_ORDER: readonly Role[] = ["viewer", "agent", "developer", "operator", "admin"];
