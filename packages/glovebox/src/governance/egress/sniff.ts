import { METHODS } from "node:http";
import type { GateContext, Inbound } from "./gate-context.ts";
import type { Host } from "./host.ts";
import { watchHeads } from "./http1-front.ts";
import { peek } from "./peek.ts";

type Protocol = "tls" | "http" | "other";

const METHOD = new RegExp(`^(?:${METHODS.map((method) => method.replace("-", "\\-")).join("|")}) `);
const LONGEST_METHOD = Math.max(...METHODS.map((method) => method.length)) + 1;

/** A client that waits for the server's first bytes is not waited for longer than this, milliseconds. */
const SERVER_FIRST_MS = 300;

/** By the first bytes; a client that waits for the server's is `other`, which only rules that name the port allow. */
export async function sniff(gate: GateContext, { stream }: Inbound, host: Host, port: number): Promise<Protocol> {
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

/** Serves the requests in the clear that come next on the connection, whose `origin` says where they may go. */
export function servePlain(gate: GateContext, inbound: Inbound): void {
  inbound.active = 0;
  gate.inbound.set(inbound.stream, inbound);
  watchHeads(gate, inbound);
  gate.http.emit("connection", inbound.stream);
}
