import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import type { AuditSink, Clock, Egress, EgressGate, Logger } from "../../core/index.ts";
import { createAddressPolicy } from "./address-policy.ts";
import type { Authority, AuthorityStore } from "./authority.ts";
import { explain } from "./explain.ts";
import { createGate } from "./gate.ts";
import type { Timings } from "./gate-context.ts";
import { createNames } from "./names.ts";
import { parseNetworkRules } from "./network-rules.ts";
import { createSecretBook } from "./secret-book.ts";

export interface EgressOptions {
  readonly audit: AuditSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly authorities: AuthorityStore;
  /** Addresses and ranges that sandboxes may reach although they are not public. Default: none. Link-local and metadata addresses stay refused. */
  readonly permitAddresses?: readonly string[];
  /** Default: the system's. With or without ports. */
  readonly nameServers?: readonly string[];
  /** PEM certificates that upstream servers are trusted for, besides the system's. */
  readonly trustedAuthorities?: readonly string[];
  /** Default: 60 s of silence, 10 s for headers, handshakes and connecting. */
  readonly timings?: Partial<Timings>;
}

const TIMINGS: Timings = { silenceMs: 60_000, headMs: 10_000 };

/** The proxy through which sandboxes reach the network. Disposing it closes every gate. `invalid_argument` when an option does not parse. */
export function createEgress(options: EgressOptions): Egress & AsyncDisposable {
  const { audit, logger, clock, nameServers } = options;
  const policy = createAddressPolicy(options.permitAddresses);
  const authorityOf = lazyAuthorities(options.authorities, clock);
  const trust = trustOf(options.trustedAuthorities ?? []);
  const timings = { ...TIMINGS, ...options.timings };
  const gates = new Set<EgressGate>();
  const servers = nameServers === undefined ? {} : { nameServers };
  return {
    async open(spec) {
      const rules = parseNetworkRules(spec.network);
      const book = createSecretBook(spec.secrets);
      const opens = spec.network.mode !== "none" && (rules.opensTls || !book.isEmpty);
      const authority = opens ? await authorityOf(spec.tenantId) : undefined;
      const common = {
        spec,
        rules,
        book,
        authority,
        policy,
        trust: trust(),
        audit,
        clock,
        logger,
        timings,
        ...servers,
      };
      const gate = createGate({ ...common, onClose: () => gates.delete(gate) });
      gates.add(gate);
      return gate;
    },
    async explain(network, request) {
      const names = createNames({ policy, clock, ...servers });
      try {
        return await explain(network, request, { names, book: createSecretBook([]) });
      } finally {
        names.close();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const gate of [...gates]) gate.close();
    },
  };
}

/** The X.509 library costs tens of milliseconds to load, which servers whose templates open no TLS need not pay. */
/** The system's certificates are read for the first session with a network, not by every start; what an option adds must parse at once. */
function trustOf(added: readonly string[]): () => SecureContext {
  let made: SecureContext | undefined;
  const get = () => {
    made ??= createSecureContext({ ca: [...getCACertificates("default"), ...added], minVersion: "TLSv1.2" });
    return made;
  };
  if (added.length > 0) get();
  return get;
}

function lazyAuthorities(store: AuthorityStore, clock: Clock): (tenantId: string) => Promise<Authority> {
  let loaded: Promise<(tenantId: string) => Promise<Authority>> | undefined;
  return async (tenantId) => {
    loaded ??= import("./authority.ts").then(({ createAuthorities }) => createAuthorities(store, clock));
    return (await loaded)(tenantId);
  };
}
