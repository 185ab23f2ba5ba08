import { createSecureContext, type SecureContext } from "node:tls";
import { silentLogger, systemClock } from "../../../core/index.ts";
import { type Authority, createAuthorities } from "../authority.ts";
import { parseHost } from "../host.ts";
import type { AuthorityStore } from "../index.ts";

export { silentLogger, systemClock };

/** Authorities in memory. */
export function memoryAuthorities(): AuthorityStore & { readonly saved: Map<string, Uint8Array> } {
  const saved = new Map<string, Uint8Array>();
  return {
    saved,
    get: async (tenantId) => saved.get(tenantId),
    put: async (tenantId, bytes) => void saved.set(tenantId, bytes),
  };
}

/** An authority of the world outside, which signs what origins show. */
export async function createTestAuthority(): Promise<Authority> {
  return createAuthorities(memoryAuthorities(), systemClock)("the world");
}

export async function contextFor(authority: Authority, name: string): Promise<SecureContext> {
  const host = parseHost(name);
  if (host === undefined) throw new Error(`no host: ${name}`);
  const { certificate, key } = await authority.issue(host);
  return createSecureContext({ cert: `${certificate}${authority.certificate}`, key });
}
