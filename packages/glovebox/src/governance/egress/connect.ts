import type { IncomingMessage } from "node:http";
import { decideConnection, opensTls } from "./decide.ts";
import { readHead } from "./exchange.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { valuesOf } from "./headers.ts";
import type { Host } from "./host.ts";
import { intercept } from "./intercept.ts";
import { readAuthority } from "./origin.ts";
import { checkOwnPort, isOwn } from "./own-services.ts";
import type { Subject } from "./recorder.ts";
import { answerRaw, Refusal, toRefusal } from "./refusal.ts";
import { servePlain, sniff } from "./sniff.ts";
import { carry } from "./tunnel.ts";

/** `CONNECT host:port`, to the proxy's port only. Never throws. */
export async function onConnect(
  gate: GateContext,
  inbound: Inbound,
  request: IncomingMessage,
  head: Buffer,
): Promise<void> {
  if (inbound.origin.kind !== "proxy") {
    gate.recorder.refuse(inbound.subject, new Refusal("malformed_request", "CONNECT within a connection to a host"));
    inbound.stream.destroy();
    return;
  }
  if (head.length > 0) inbound.stream.unshift(head);
  let established = false;
  const accept = () => {
    established = true;
    inbound.stream.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  };
  try {
    const { host, port } = readConnect(request);
    await connectTo(gate, inbound, host, port, accept);
  } catch (error) {
    fail(gate, inbound, error, !established);
  }
}

/** Goes to `host:port` with what comes next on the connection. `accept` is called once the connection may begin. Throws {@link Refusal}. */
export async function connectTo(
  gate: GateContext,
  inbound: Inbound,
  host: Host,
  port: number,
  accept: () => void,
): Promise<void> {
  const subject: Subject = { action: "egress.connect", host: host.text, port };
  inbound.subject = subject;
  if (isOwn(host)) {
    checkOwnPort(port);
    accept();
    if (await isPlain(gate, inbound, host, port)) return;
    throw new Refusal("not_tls", "services are spoken to in the clear");
  }
  const reason = await decideConnection(gate, host, port);
  if (opensTls(gate, host, port)) {
    accept();
    if (await isPlain(gate, inbound, host, port)) return;
    await intercept(gate, inbound, host, port);
    gate.recorder.allow(subject, `${reason}; TLS opened`);
    return;
  }
  const upstream = await gate.dialer.plain(host, port, gate.signal, { allowHalfOpen: true });
  if (inbound.stream.destroyed) return void upstream.destroy();
  accept();
  try {
    if (!gate.rules.allowsRawTunnel(host, port) && (await isPlain(gate, inbound, host, port)))
      return void upstream.destroy();
    await carry(gate, inbound, upstream, { host, port, subject, reason });
  } catch (error) {
    upstream.destroy();
    throw error;
  }
}

/** Clients that send CONNECT also for `http:` (Node's fetch) get their requests decided one by one, like any in the clear. */
async function isPlain(gate: GateContext, inbound: Inbound, host: Host, port: number): Promise<boolean> {
  if ((await sniff(gate, inbound, host, port)) !== "http") return false;
  inbound.origin = { kind: "redirected", host, port };
  servePlain(gate, inbound);
  return true;
}

/** Records why a connection ends, and tells the client where it can still be told. */
export function fail(gate: GateContext, inbound: Inbound, error: unknown, canAnswer: boolean): void {
  if (inbound.stream.destroyed && !(error instanceof Refusal)) return;
  const refusal = toRefusal(error, "upstream_failed", "the connection failed");
  gate.recorder.refuse(inbound.subject, refusal);
  if (canAnswer) answerRaw(inbound.stream, refusal);
  else inbound.stream.destroy();
}

function readConnect(request: IncomingMessage): { host: Host; port: number } {
  const head = readHead(request);
  const { host, port } = readAuthority(head.url);
  if (port === undefined) throw new Refusal("invalid_port", "CONNECT needs a port");
  const hosts = valuesOf(head.headers, "host");
  if (hosts.length > 1) throw new Refusal("malformed_request", "more than one Host header");
  // Clients leave the header out, or its port.
  const named = hosts[0] === undefined || hosts[0] === "" ? undefined : readAuthority(hosts[0]);
  if (named !== undefined && (named.host.text !== host.text || (named.port ?? port) !== port)) {
    throw new Refusal("host_mismatch", "the Host header names another host or port than CONNECT");
  }
  return { host, port };
}
