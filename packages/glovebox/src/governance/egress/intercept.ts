import { once } from "node:events";
import { TLSSocket } from "node:tls";
import type { GateContext, Inbound } from "./gate-context.ts";
import type { Host } from "./host.ts";
import { watchHeads } from "./http1-front.ts";
import { serveHttp2 } from "./http2-front.ts";
import { Refusal } from "./refusal.ts";
import { checkServerName, readOpening } from "./server-name.ts";

/** Opens TLS for `host:port` and serves the requests within. Throws {@link Refusal} when the handshake fails or names another host. */
export async function intercept(gate: GateContext, inbound: Inbound, host: Host, port: number): Promise<void> {
  checkServerName(await readOpening(inbound.stream, gate.timings.headMs), host);
  const secureContext = await gate.leafFor(host);
  if (inbound.stream.destroyed) return;
  const tls = new TLSSocket(inbound.stream, { isServer: true, secureContext, ALPNProtocols: ["h2", "http/1.1"] });
  inbound.tls = tls;
  inbound.origin = { kind: "opened", host, port };
  tls.on("error", () => {});
  const closed = new AbortController();
  tls.once("close", () => {
    closed.abort();
    inbound.stream.destroy();
  });
  try {
    await once(tls, "secure", {
      signal: AbortSignal.any([gate.signal, closed.signal, AbortSignal.timeout(gate.timings.headMs)]),
    });
  } catch (error) {
    tls.destroy();
    throw new Refusal(
      "client_tls",
      "the program in the sandbox broke the TLS handshake off: it may not trust the authority",
      {
        cause: error,
      },
    );
  }
  if (tls.alpnProtocol === "h2") {
    serveHttp2(gate, inbound, tls);
    return;
  }
  inbound.active = 0;
  gate.inbound.set(tls, inbound);
  watchHeads(gate, inbound);
  gate.http.emit("connection", tls);
}
