import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { NetworkSpec } from "./template.ts";

/** How sessions reach `governance` for everything that leaves a sandbox. One gate per session; nothing else carries its bytes out. */

/** A connection that a program in a sandbox made. Whoever is given it owns it and ends it. */
export interface SandboxConnection {
  readonly stream: Duplex;
  /**
   * Where the program wanted to go, when the driver redirected it: a name that it asked the sandbox's resolver for, or an address. Absent when it
   * connected to the proxy, and says there where to go.
   */
  readonly target?: { readonly host: string; readonly port: number };
}

/** What the proxy decided about one request or connection, and why. Carries no secret and no query. */
export interface EgressDecision {
  readonly allowed: boolean;
  /** Stable, for programs: `allowed`, `not_in_allow_list`, `private_address`, `placeholder_elsewhere`, …. */
  readonly code: string;
  /** For people: which rule, or what was wrong. */
  readonly reason: string;
  readonly host: string;
  readonly port: number;
  readonly method?: string;
  /** Without its query; only where the request could be read. */
  readonly path?: string;
  /** Names of the secrets that were put in. */
  readonly secrets?: readonly string[];
}

/** A secret as a session sees it: the placeholder is all that enters the sandbox. */
export interface BoundSecret {
  readonly name: string;
  readonly placeholder: string;
  readonly value: string;
  /** Host patterns (as in `NetworkSpec.allow`, without methods and paths) that may be sent the value. */
  readonly hosts: readonly string[];
}

export interface EgressSpec {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly network: NetworkSpec;
  readonly secrets: readonly BoundSecret[];
  /** Called for every decision; must not throw. */
  readonly onDecision: (decision: EgressDecision) => void;
}

/** Names below it are the server's own: they never lead out of a sandbox. */
export const SERVICES_DOMAIN = "glovebox.internal";

/** What the server itself offers to the programs of one session: HTTP in the clear on port 80, under a name that exists only there. */
export interface SandboxService {
  /** Below {@link SERVICES_DOMAIN}. */
  readonly host: string;
  /** Answers one request, which is the sandbox's: hostile. `path`: with its query. Must not throw. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): void;
}

/** The only way out of one sandbox. */
export interface EgressGate {
  /** Takes a connection over. Never throws. */
  accept(connection: SandboxConnection): void;
  /** From now on the sandbox's programs reach the service; one of the same host is replaced. */
  offer(service: SandboxService): void;
  /** PEM certificate of the tenant's authority that the sandbox shall trust; absent when no rule opens TLS. */
  readonly authority?: string;
  /** Ends every connection. Idempotent. */
  close(): void;
}

export interface Egress {
  open(spec: EgressSpec): Promise<EgressGate>;
  /** What would be decided, without connecting; names are resolved. `url`: `http:` or `https:`. */
  explain(network: NetworkSpec, request: { readonly method: string; readonly url: string }): Promise<EgressDecision>;
}

/** Where the forwarder in a sandbox listens: HTTP and CONNECT, on the sandbox's loopback only. */
export const PROXY_PORT = 3128;

/** Files in a sandbox with a network: the host's authorities; where TLS is opened the tenant's alone, and both together. */
export const TRUST = {
  system: "/etc/ssl/certs/ca-certificates.crt",
  authority: "/glovebox/authority.pem",
  bundle: "/glovebox/ca-bundle.pem",
} as const;

/** All that sessions need of `governance` to let a sandbox out. */
export interface Outside {
  readonly egress: Egress;
  /** Errors: `invalid_argument` with the path of a rule that cannot be read. */
  checkNetwork(network: NetworkSpec): void;
  /** A placeholder is new with every call. Errors: `not_found` for a name that the tenant lacks, `unavailable` when the key is missing. */
  bindSecrets(tenantId: string, names: readonly string[]): Promise<readonly BoundSecret[]>;
}
