import type { Server } from "node:http";
import type { SecureContext, TLSSocket } from "node:tls";
import type { Logger, SandboxService } from "../../core/index.ts";
import type { Dialer } from "./dial.ts";
import type { Host } from "./host.ts";
import type { Names } from "./names.ts";
import type { NetworkRules } from "./network-rules.ts";
import type { Origin } from "./origin.ts";
import type { Recorder, Subject } from "./recorder.ts";
import type { SandboxStream } from "./sandbox-stream.ts";
import type { SecretBook } from "./secret-book.ts";
import type { UpstreamAgents } from "./upstream-agents.ts";

/** How long things may take, milliseconds. */
export interface Timings {
  /** Without a byte in either direction. */
  readonly silenceMs: number;
  /** For a request's headers, for a TLS handshake, and for a connection to a host. */
  readonly headMs: number;
}

/** What the parts of one gate share. */
export interface GateContext {
  readonly rules: NetworkRules;
  readonly book: SecretBook;
  readonly recorder: Recorder;
  readonly names: Names;
  readonly dialer: Dialer;
  readonly agents: UpstreamAgents;
  readonly timings: Timings;
  readonly logger: Logger;
  /** Aborted when the gate closes. */
  readonly signal: AbortSignal;
  /** The parser of everything in HTTP/1.1. */
  readonly http: Server;
  /** The certificate for a host whose TLS is opened. Throws when the gate has no authority. */
  leafFor(host: Host): Promise<SecureContext>;
  /** What the server itself offers to the session, by host. */
  readonly services: Map<string, SandboxService>;
  /** Which connection a parsed socket belongs to. */
  readonly inbound: WeakMap<object, Inbound>;
}

/** One connection of the sandbox, from its first byte on. */
export interface Inbound {
  readonly stream: SandboxStream;
  origin: Origin;
  /** The TLS within, once it is opened. */
  tls?: TLSSocket;
  /** What the connection was last used for, in case a limit ends it. */
  subject: Subject;
  /** Requests that are under way. */
  active: number;
  /** Whether it was refused to go on: what breaks from here on is no news. */
  ended: boolean;
  headTimer?: NodeJS.Timeout | undefined;
}
