import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { exchange, hasBody, readHead } from "./exchange.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { toPairs } from "./headers.ts";
import { answerRaw, Refusal } from "./refusal.ts";

export interface Http1Handlers {
  readonly onConnect: (inbound: Inbound, request: IncomingMessage, stream: Duplex, head: Buffer) => void;
  readonly onUpgrade: (inbound: Inbound, request: IncomingMessage, stream: Duplex, head: Buffer) => void;
}

const MAX_HEAD = 32_768;

/** The strict parser of all HTTP/1.1 of one gate. It listens nowhere: connections are handed to it with `emit("connection", …)`. */
export function createHttp1Front(gate: () => GateContext, { onConnect, onUpgrade }: Http1Handlers): Server {
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: MAX_HEAD,
    requireHostHeader: false, // answered by readDestination, with a decision
    keepAliveTimeout: 0, // silence is the stream's to end
    joinDuplicateHeaders: false,
  });
  server.maxHeadersCount = 0; // bounded by maxHeaderSize; the default would drop headers silently
  const inboundOf = (socket: object) => gate().inbound.get(socket);
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const inbound = inboundOf(request.socket);
    if (inbound === undefined) return void request.destroy();
    begin(inbound, response);
    request.on("error", () => {});
    const hangUp = () => setTimeout(() => inbound.stream.destroy(), LINGER_MS).unref();
    const head = readHead(request);
    const body = hasBody(toPairs(request.rawHeaders));
    void exchange(gate(), inbound, { head, request, response, hasBody: body, hangUp });
  });
  const taken = (handler: Http1Handlers["onConnect"]) => (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const inbound = inboundOf(stream);
    if (inbound === undefined) return void stream.destroy();
    inbound.active = Number.POSITIVE_INFINITY; // no head of a request comes any more
    clearTimeout(inbound.headTimer);
    handler(inbound, request, stream, head);
  };
  server.on("connect", taken(onConnect));
  server.on("upgrade", taken(onUpgrade));
  server.on("clientError", (error: NodeJS.ErrnoException, stream: Duplex) => {
    const inbound = inboundOf(stream);
    if (inbound === undefined || !/^HPE_/.test(error.code ?? "")) return void stream.destroy();
    if (inbound.ended) return;
    inbound.ended = true;
    const refusal = new Refusal("malformed_request", `not a request that can be read in one way only (${error.code})`);
    gate().recorder.refuse(inbound.subject, refusal);
    // An answer that is under way must not be mixed with another.
    if (inbound.active > 0) inbound.stream.destroy();
    else answerRaw(stream, refusal);
  });
  return server;
}

const LINGER_MS = 100;

/** A client that begins a head must end it in time; between requests it may be silent. */
export function watchHeads(gate: GateContext, inbound: Inbound): void {
  inbound.stream.onBytes = () => {
    if (inbound.active > 0 || inbound.headTimer !== undefined) return;
    inbound.headTimer = setTimeout(() => {
      const refusal = new Refusal("slow_request", "the head of a request did not come in time");
      gate.recorder.refuse(inbound.subject, refusal);
      if (inbound.tls === undefined) answerRaw(inbound.stream, refusal);
      else inbound.stream.destroy();
    }, gate.timings.headMs);
  };
  inbound.stream.once("close", () => clearTimeout(inbound.headTimer));
}

function begin(inbound: Inbound, response: ServerResponse): void {
  clearTimeout(inbound.headTimer);
  inbound.headTimer = undefined;
  inbound.active += 1;
  response.once("close", () => {
    inbound.active -= 1;
  });
}
