import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { TLSSocket } from "node:tls";
import { exchange } from "./exchange.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { toPairs } from "./headers.ts";

const SETTINGS = {
  maxConcurrentStreams: 100,
  maxHeaderListSize: 32_768,
  initialWindowSize: 262_144,
  enableConnectProtocol: false,
} as const;

/** Speaks HTTP/2 on opened TLS. Each connection has a server object of its own, so that its requests know where they belong. */
export function serveHttp2(gate: GateContext, inbound: Inbound, tls: TLSSocket): void {
  const server = createServer({ settings: SETTINGS, maxSessionMemory: 8 });
  const hangUp = () => setTimeout(() => inbound.stream.destroy(), LINGER_MS).unref();
  server.on("sessionError", () => inbound.stream.destroy());
  server.on("session", (session) => session.once("close", () => inbound.stream.destroy()));
  server.on("request", (request: Http2ServerRequest, response: Http2ServerResponse) => {
    request.on("error", () => {});
    response.on("error", () => {});
    const head = {
      method: request.method,
      version: request.httpVersion,
      url: request.url,
      headers: toPairs(request.rawHeaders),
      pseudo: { authority: request.headers[":authority"], scheme: request.headers[":scheme"] },
    };
    const hasBody = request.stream.endAfterHeaders === false;
    void exchange(gate, inbound, { head, request, response, hasBody, hangUp });
  });
  server.emit("connection", tls);
  // A session waits for this event when TLS was not set up by a server of Node's; the handshake is over by now.
  tls.emit("secureConnect");
}

const LINGER_MS = 100;
