import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { openRequest, readHead } from "./exchange.ts";
import type { GateContext, Inbound } from "./gate-context.ts";
import { endToEnd, type HeaderPair, toPairs, valuesOf, without } from "./headers.ts";
import { hasBody, type OutgoingRequest, prepareRequest, readSubject } from "./outgoing-request.ts";
import { Refusal, toAnswer, toRefusal } from "./refusal.ts";
import { replaceAll } from "./replacer.ts";
import type { HostSecrets } from "./secret-book.ts";
import { FoundInFrame, WebSocketScanner } from "./websocket-scanner.ts";

/** A request with `Upgrade`: a WebSocket is carried where GET is allowed, all else refused. Never throws. */
export async function onUpgrade(
  gate: GateContext,
  inbound: Inbound,
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): Promise<void> {
  let subject = { ...inbound.subject };
  try {
    const requestHead = readHead(request);
    const where = readSubject(inbound, requestHead);
    subject = where.subject;
    refuseOthers(requestHead.method, requestHead.headers);
    const outgoing = await prepareRequest(gate, where, requestHead);
    const { upstream, answer, first } = await handshake(gate, stream, outgoing, requestHead.headers);
    gate.recorder.allow(subject, `${outgoing.reason}; WebSocket`, outgoing.used);
    stream.write(formatSwitch(answer, outgoing.secrets));
    if (head.length > 0) stream.unshift(head);
    if (first.length > 0) upstream.unshift(first);
    join(gate, inbound, { stream, upstream, secrets: outgoing.secrets, subject });
  } catch (error) {
    const refusal = toRefusal(error, "upstream_failed", "the WebSocket could not be opened");
    gate.recorder.refuse(subject, refusal);
    answerOn(request, stream, inbound, refusal);
  }
}

function refuseOthers(method: string, headers: readonly HeaderPair[]): void {
  const protocols = valuesOf(headers, "upgrade");
  if (protocols.length !== 1 || protocols[0]?.toLowerCase() !== "websocket") {
    throw new Refusal("upgrade_not_allowed", "only WebSockets may be upgraded to");
  }
  if (method !== "GET" || hasBody(headers))
    throw new Refusal("malformed_request", "a WebSocket is opened with GET and no body");
}

interface Opened {
  readonly upstream: Socket;
  readonly answer: IncomingMessage;
  readonly first: Buffer;
}

function handshake(
  gate: GateContext,
  stream: Duplex,
  outgoing: OutgoingRequest,
  sent: readonly HeaderPair[],
): Promise<Opened> {
  // Compressed frames could not be searched.
  const dropped = gate.book.isEmpty ? [] : ["sec-websocket-extensions"];
  const kept = without(outgoing.headers, "content-length", "connection", "upgrade", ...dropped);
  const headers: HeaderPair[] = [...kept, ["Connection", "Upgrade"], ["Upgrade", "websocket"]];
  if (valuesOf(sent, "sec-websocket-key").length !== 1)
    throw new Refusal("malformed_request", "not a WebSocket handshake");
  return new Promise((resolve, reject) => {
    const { host } = outgoing.destination;
    const request = openRequest(gate, outgoing, { headers });
    const gone = () => request.destroy();
    stream.once("close", gone);
    request.once("upgrade", (answer, upstream, first) => {
      stream.off("close", gone);
      const protocol = answer.headers.upgrade?.toLowerCase();
      if (protocol === "websocket") resolve({ answer, upstream: upstream as Socket, first });
      else {
        upstream.destroy();
        reject(new Refusal("upstream_failed", `${host.text} upgraded to something else`));
      }
    });
    request.once("response", (answer) => {
      answer.resume();
      request.destroy();
      reject(new Refusal("upstream_failed", `${host.text} answered ${answer.statusCode} and opened no WebSocket`));
    });
    request.on("timeout", () =>
      request.destroy(new Refusal("upstream_timeout", `${host.text} did not answer in time`)),
    );
    request.on("error", (error) => reject(toRefusal(error, "upstream_failed", `${host.text} broke the handshake off`)));
    request.end();
  });
}

function formatSwitch(answer: IncomingMessage, { incoming }: HostSecrets): Buffer {
  const headers = endToEnd(toPairs(answer.rawHeaders));
  const all: HeaderPair[] = [...headers, ["Connection", "Upgrade"], ["Upgrade", "websocket"]];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`, "latin1");
  return incoming === undefined ? bytes : replaceAll(incoming, bytes);
}

interface Joined {
  readonly stream: Duplex;
  readonly upstream: Socket;
  readonly secrets: HostSecrets;
  readonly subject: Inbound["subject"];
}

/** Frames pass unchanged; one with a placeholder that must not leave, or a value that must not come back, ends the connection. */
function join(gate: GateContext, inbound: Inbound, { stream, upstream, secrets, subject }: Joined): void {
  upstream.setTimeout(0);
  let told = false;
  const end = (error: NodeJS.ErrnoException | null | undefined) => {
    if (error instanceof FoundInFrame && !told) gate.recorder.refuse(subject, error.refusal);
    told ||= error instanceof FoundInFrame;
    upstream.destroy();
    inbound.stream.destroy();
  };
  const { forbidden, incoming } = secrets;
  const out = forbidden === undefined ? [] : [new WebSocketScanner(forbidden, "placeholder_elsewhere")];
  const back = incoming === undefined ? [] : [new WebSocketScanner(incoming, "unreadable_response")];
  pipeline([stream, ...out, upstream], end);
  pipeline([upstream, ...back, stream], end);
}

function answerOn(request: IncomingMessage, stream: Duplex, inbound: Inbound, refusal: Refusal): void {
  if (stream.destroyed) return;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(stream as Socket);
  const { status, headers, body } = toAnswer(refusal);
  response.writeHead(status, headers);
  response.end(body, () => setTimeout(() => inbound.stream.destroy(), LINGER_MS).unref());
}

const LINGER_MS = 100;
