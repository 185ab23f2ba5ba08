import { connectTo, fail } from "./connect.ts";
import { decideConnection, opensTls } from "./decide.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { type Host, parseHost } from "./host.ts";
import { Refusal } from "./refusal.ts";
import { type Opening, readOpening } from "./server-name.ts";
import { servePlain, sniff } from "./sniff.ts";

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
      servePlain(gate, inbound);
    }
  } catch (error) {
    fail(gate, inbound, error, false);
  }
}

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
