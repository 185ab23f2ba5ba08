import { z } from "zod";

export const Role = z.enum(["admin", "operator", "developer", "agent", "viewer"]);
export type Role = z.infer<typeof Role>;

export const TokenInput = z.strictObject({
  name: z.string().min(1).max(128),
  roles: z.array(Role).min(1).max(5).default(["developer"]),
  /** RFC 3339; without it the token does not expire. */
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  /** Only the root token may name another tenant. */
  tenantId: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
    .optional(),
});
export type TokenInput = z.infer<typeof TokenInput>;

/** A token as listed: never its secret, of which only a hash is stored. */
export const Token = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  roles: z.array(Role),
  /** The secret's first characters, to recognise it by. */
  prefix: z.string(),
  root: z.boolean(),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
});
export type Token = z.infer<typeof Token>;

/** Who makes a request. */
export interface Principal {
  readonly tenantId: string;
  readonly tokenId: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly root: boolean;
  /** When its token ends, RFC 3339; absent when it does not. */
  readonly expiresAt?: string;
}
