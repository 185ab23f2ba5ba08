import type { Duplex } from "node:stream";
import type { SecureContext } from "node:tls";
import {
  type AuditSink,
  type Clock,
  type EgressGate,
  type EgressSpec,
  GloveboxError,
  type Logger,
  type SandboxConnection,
} from "../../core/index.ts";
import type { AddressPolicy } from "./address-policy.ts";
import { createAllowance } from "./allowance.ts";
import type { Authority } from "./authority.ts";
import { onConnect } from "./connect.ts";
import { createDialer } from "./dial.ts";
import type { GateContext, Inbound, Timings } from "./gate-context.ts";
import { parseHost } from "./host.ts";
import { createHttp1Front, watchHeads } from "./http1-front.ts";
import { createLeaves } from "./leaves.ts";
import { createNames } from "./names.ts";
import type { NetworkRules } from "./network-rules.ts";
import { isOwn } from "./own-services.ts";
import { createRecorder } from "./recorder.ts";
import { onRedirected } from "./redirected.ts";
import { answerRaw, Refusal } from "./refusal.ts";
import { SandboxStream } from "./sandbox-stream.ts";
import type { SecretBook } from "./secret-book.ts";
import { onUpgrade } from "./upgrade.ts";
import { createUpstreamAgents } from "./upstream-agents.ts";

export interface GateOptions {
  readonly spec: EgressSpec;
  readonly rules: NetworkRules;
  readonly book: SecretBook;
  readonly authority: Authority | undefined;
  readonly policy: AddressPolicy;
  readonly nameServers?: readonly string[];
  readonly trust: SecureContext;
  readonly audit: AuditSink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timings: Timings;
  readonly onClose: () => void;
}

/** The way out of one session. */
export function createGate(options: GateOptions): EgressGate {
  const { spec, authority } = options;
  const closing = new AbortController();
  const gate = createContext(options, closing.signal);
  const allowance = createAllowance(spec.network.limits.bytes);
  const connections = new Set<SandboxStream>();
  const refuse = (stream: Duplex, inbound: Pick<Inbound, "subject" | "origin">, refusal: Refusal) => {
    gate.recorder.refuse(inbound.subject, refusal);
    stream.on("error", () => {});
    if (inbound.origin.kind === "proxy") answerRaw(stream, refusal);
    else stream.destroy();
  };
  const admit = ({ stream: inner, target }: SandboxConnection): void => {
    const host = target === undefined ? undefined : parseHost(target.host);
    const subject = { action: "egress.connect", host: target?.host ?? "-", port: target?.port ?? 0 } as const;
    const origin: Inbound["origin"] =
      host === undefined || target === undefined ? { kind: "proxy" } : { kind: "redirected", host, port: target.port };
    const why = refusedAtOnce(allowance.isSpent, connections.size, spec.network.limits.connections);
    if (why !== undefined) {
      refuse(inner, { subject, origin }, why);
      return;
    }
    if (target !== undefined && host === undefined) {
      gate.recorder.refuse(subject, new Refusal("invalid_host", "the redirected connection names no host"));
      inner.destroy();
      return;
    }
    const { silenceMs } = gate.timings;
    const stream = new SandboxStream(inner, { allowance, lifeMs: spec.network.limits.seconds * 1000, silenceMs });
    const inbound: Inbound = { stream, origin, subject, active: 0, ended: false };
    connections.add(stream);
    stream.once("close", () => connections.delete(stream));
    stream.on("error", (error) => {
      if (error instanceof Refusal) gate.recorder.refuse(inbound.subject, error);
    });
    gate.inbound.set(stream, inbound);
    if (origin.kind === "redirected") {
      void onRedirected(gate, inbound, origin.host, origin.port);
    } else {
      watchHeads(gate, inbound);
      gate.http.emit("connection", stream);
    }
  };
  return {
    ...(authority === undefined ? {} : { authority: authority.certificate }),
    accept(connection) {
      // Whoever gives a connection away cannot be told that something broke: it is ended.
      try {
        if (closing.signal.aborted) connection.stream.destroy();
        else admit(connection);
      } catch (error) {
        gate.logger.error(
          { error: error instanceof Error ? error.message : "unknown" },
          "a connection could not be taken over",
        );
        connection.stream.destroy();
      }
    },
    offer(service) {
      if (!isOwn({ text: service.host }))
        throw new GloveboxError("internal", `${service.host} is no name of the server's`);
      gate.services.set(service.host, service);
    },
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      for (const stream of connections) stream.destroy();
      gate.agents.close();
      gate.names.close();
      options.onClose();
    },
  };
}

function refusedAtOnce(spent: boolean, open: number, most: number): Refusal | undefined {
  if (spent) return new Refusal("bytes_exhausted", "the session has sent and received as much as its template allows");
  if (open >= most) return new Refusal("too_many_connections", `at most ${most} connections at the same time`);
  return undefined;
}

function createContext(options: GateOptions, signal: AbortSignal): GateContext {
  const { spec, rules, book, authority, policy, nameServers, trust, audit, clock, logger, timings } = options;
  const names = createNames({ policy, clock, ...(nameServers === undefined ? {} : { nameServers }) });
  const dialer = createDialer({ names, trust, timeoutMs: timings.headMs });
  const { connections } = spec.network.limits;
  const leaves = authority === undefined ? undefined : createLeaves(authority, clock);
  const gate: GateContext = {
    rules,
    book,
    recorder: createRecorder(spec, audit, book),
    names,
    dialer,
    agents: createUpstreamAgents({ dialer, maxConnections: connections, silenceMs: timings.silenceMs, signal }),
    timings,
    logger: logger.child({ tenantId: spec.tenantId, sessionId: spec.sessionId }),
    signal,
    http: createHttp1Front(() => gate, {
      onConnect: (inbound, request, _stream, head) => void onConnect(gate, inbound, request, head),
      onUpgrade: (inbound, request, stream, head) => void onUpgrade(gate, inbound, request, stream, head),
    }),
    services: new Map(),
    inbound: new WeakMap(),
    leafFor: (host) =>
      leaves?.contextFor(host) ??
      Promise.reject(new Refusal("client_tls", "this session has no certificate authority")),
  };
  return gate;
}
