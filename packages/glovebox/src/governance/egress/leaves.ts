import { createSecureContext, type SecureContext } from "node:tls";
import type { Clock } from "../../core/index.ts";
import type { Authority } from "./authority.ts";
import type { Host } from "./host.ts";

/** TLS contexts for the hosts whose TLS is opened, made when they are needed. */
export interface Leaves {
  contextFor(host: Host): Promise<SecureContext>;
}

const MAX_LEAVES = 512;
/** They are valid for seven days (`authority.ts`). A connection that begins with a certificate should not see it expire. */
const RENEW_MS = 5 * 86_400_000;

interface Leaf {
  readonly context: Promise<SecureContext>;
  readonly madeMs: number;
}

/** Keeps the {@link MAX_LEAVES} hosts used last; a sandbox may ask for any number of names below `*.host`. */
export function createLeaves(authority: Authority, clock: Clock): Leaves {
  const leaves = new Map<string, Leaf>();
  const make = async (host: Host): Promise<SecureContext> => {
    const { certificate, key } = await authority.issue(host);
    return createSecureContext({ cert: `${certificate}${authority.certificate}`, key, minVersion: "TLSv1.2" });
  };
  return {
    contextFor(host) {
      const known = leaves.get(host.text);
      const fresh = known !== undefined && clock.monotonicMs() - known.madeMs < RENEW_MS;
      const leaf = fresh ? known : { context: make(host), madeMs: clock.monotonicMs() };
      leaves.delete(host.text);
      leaves.set(host.text, leaf);
      leaf.context.catch(() => leaves.delete(host.text));
      if (leaves.size > MAX_LEAVES) leaves.delete(leaves.keys().next().value ?? "");
      return leaf.context;
    },
  };
}
