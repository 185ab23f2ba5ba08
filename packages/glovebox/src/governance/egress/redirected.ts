import { METHODS } from "node:http";
import { connectTo, fail } from "./connect.ts";
import { decideConnection, opensTls } from "./decide.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { type Host, parseHost } from "./host.ts";
import { watchHeads } from "./http1-front.ts";
import { peek } from "./peek.ts";
import { Refusal } from "./refusal.ts";
import { type Opening, readOpening } from "./server-name.ts";

type Protocol = "tls" | "http" | "other";

const METHOD = new RegExp(`^(?:${METHODS.map((method) => method.replace("-", "\\-")).join("|")}) `);
const LONGEST_METHOD = Math.max(...METHODS.map((method) => method.length)) + 1;

/** A connection that the driver redirected here: the program thinks it talks to `host:port` itself. Never throws. */
export async function onRedirected(gate: GateContext, inbound: Inbound, host: Host, port: number): Promise<void> {
  try {
    const protocol = await sniff(gate, inbound, host, port);
    if (inbound.stream.destroyed) return;
    if (protocol === "tls") {
      const named = await destinationOf(gate, inbound, host);
      await connectTo(gate, inbound, named, port, () => {});
    } else if (protocol === "other") {
      await plainTunnel(gate, inbound, host, port);
    } else {
      gate.inbound.set(inbound.stream, inbound);
      watchHeads(gate, inbound);
      gate.http.emit("connection", inbound.stream);
    }
  } catch (error) {
    fail(gate, inbound, error, false);
  }
}

/** By the first bytes; a client that waits for the server's is `other`, which only rules that name the port allow. */
async function sniff(gate: GateContext, { stream }: Inbound, host: Host, port: number): Promise<Protocol> {
  const look = (bytes: Buffer): Protocol | undefined => {
    if (bytes[0] === 22) return "tls";
    const start = bytes.subarray(0, LONGEST_METHOD).toString("latin1");
    if (METHOD.test(start)) return "http";
    const mayBecome = METHODS.some((method) => `${method} `.startsWith(start));
    return mayBecome ? undefined : "other";
  };
  const timeoutMs = gate.rules.allowsRawTunnel(host, port) ? SERVER_FIRST_MS : gate.timings.headMs;
  return (await peek(stream, look, { timeoutMs, maxBytes: 64 })) ?? "other";
}

const SERVER_FIRST_MS = 300;

/**
 * The name that rules are asked about. Where only an address is known, the program looked the name up by itself, and the server name stands for it: the proxy
 * looks it up anew and goes there, so that the address which the program has counts for nothing.
 */
async function destinationOf(gate: GateContext, { stream }: Inbound, host: Host): Promise<Host> {
  if (host.address === undefined) return host;
  const opening: Opening | undefined = await readOpening(stream, gate.timings.headMs);
  if (opening?.kind !== "hello" || opening.serverName === undefined) return host;
  const named = parseHost(opening.serverName);
  if (named === undefined) throw new Refusal("invalid_host", "the server name is no host name");
  return named;
}

async function plainTunnel(gate: GateContext, inbound: Inbound, host: Host, port: number): Promise<void> {
  await decideConnection(gate, host, port);
  if (opensTls(gate, host, port) || !gate.rules.allowsRawTunnel(host, port)) {
    throw new Refusal("not_tls", "neither TLS nor HTTP, and no rule names the port");
  }
  await connectTo(gate, inbound, host, port, () => {});
}
