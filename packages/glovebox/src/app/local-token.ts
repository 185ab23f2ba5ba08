import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal, TokenService } from "../core/index.ts";
import { DEFAULT_TENANT, type GovernedTokens } from "../governance/index.ts";

/**
 * A secret that lives as long as this process and stands for the root token. It is how the commands of the server's owner reach the
 * server (through a file only the owner can read) although the root token itself is stored as a hash and shown once.
 */
export function withLocalToken(
  tokens: GovernedTokens,
  rootId: string,
): { readonly tokens: TokenService; readonly secret: string; readonly principal: Principal } {
  const secret = `gbx_local_${randomBytes(32).toString("base64url")}`;
  const expected = Buffer.from(secret);
  const principal: Principal = {
    tenantId: DEFAULT_TENANT,
    tokenId: rootId,
    name: "local",
    roles: ["admin"],
    root: true,
  };
  return {
    secret,
    principal,
    tokens: {
      authenticate: (given) => {
        const bytes = Buffer.from(given ?? "");
        if (bytes.length === expected.length && timingSafeEqual(bytes, expected)) {
          return Promise.resolve({ ok: true, principal });
        }
        return tokens.authenticate(given);
      },
      create: (maker, input) => tokens.create(maker, input),
      list: (tenantId, page) => tokens.list(tenantId, page),
      delete: (tenantId, id) => tokens.delete(tenantId, id),
    },
  };
}
