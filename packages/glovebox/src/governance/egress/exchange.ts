import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { pipeline } from "node:stream";
import type { GateContext, Inbound } from "./gate-context.ts";
import { toPairs, valuesOf } from "./headers.ts";
import { maskResponse } from "./incoming-response.ts";
import type { RequestHead } from "./origin.ts";
import { elsewhere } from "./outgoing.ts";
import { hasBody, type OutgoingRequest, prepareRequest, readSubject } from "./outgoing-request.ts";
import { isOwn, serveOwn } from "./own-services.ts";
import { Refusal, toAnswer, toRefusal } from "./refusal.ts";
import { ForbiddenBytes } from "./replacer.ts";
import { type OutgoingBody, passThrough, prepareBody } from "./request-body.ts";

/** A request of the sandbox, in either version of HTTP. */
export interface Incoming {
  readonly head: RequestHead;
  readonly request: IncomingMessage | Http2ServerRequest;
  readonly response: ServerResponse | Http2ServerResponse;
  readonly hasBody: boolean;
  /** Ends the connection that the request came on, after what was answered. */
  readonly hangUp: () => void;
}

const MAX_RESPONSE_HEAD = 65_536;

/** Carries one request out and its response in. Never throws. */
export async function exchange(gate: GateContext, inbound: Inbound, incoming: Incoming): Promise<void> {
  let where: ReturnType<typeof readSubject> | undefined;
  try {
    where = readSubject(inbound, incoming.head);
    if (isOwn(where.destination.host)) return serveOwn(gate.services, where.destination, incoming);
    const outgoing = await prepareRequest(gate, where, incoming.head);
    await send(gate, inbound, incoming, outgoing);
  } catch (error) {
    if (inbound.ended || (incoming.response.destroyed && !(error instanceof Refusal))) return;
    inbound.ended = incoming.request.httpVersionMajor === 1;
    const refusal = toRefusal(error, "upstream_failed", "the exchange with the host failed");
    gate.recorder.refuse(where?.subject ?? { ...inbound.subject, method: incoming.head.method }, refusal);
    refuse(incoming, refusal);
  }
}

async function send(gate: GateContext, inbound: Inbound, incoming: Incoming, outgoing: OutgoingRequest): Promise<void> {
  const { subject } = outgoing;
  const late = new Set<string>();
  const count = (bytes: number) => inbound.stream.count(bytes);
  const source = { stream: incoming.request, hasBody: incoming.hasBody, count };
  const body = await prepareBody(source, outgoing.headers, outgoing.secrets, (name) => late.add(name));
  gate.recorder.allow(subject, outgoing.reason, [...new Set([...outgoing.used, ...late])]);
  const told = new Set([...outgoing.used, ...late]);
  const answer = await ask(gate, incoming, outgoing, body);
  await answerWith(incoming, answer, outgoing, count);
  const untold = [...late].filter((name) => !told.has(name));
  if (untold.length > 0) gate.recorder.allow(subject, "found in the body as it went", untold);
}

/** Sends the request; once more when a kept connection turned out to be closed and nothing can have been done twice. */
async function ask(
  gate: GateContext,
  incoming: Incoming,
  outgoing: OutgoingRequest,
  body: OutgoingBody,
): Promise<IncomingMessage> {
  try {
    return await askOnce(gate, incoming, outgoing, body);
  } catch (error) {
    const safe = !incoming.hasBody && /^(?:GET|HEAD|OPTIONS)$/.test(outgoing.destination.method);
    if (safe && error instanceof StaleConnection) return askOnce(gate, incoming, outgoing, body);
    throw error;
  }
}

class StaleConnection extends Error {}

function askOnce(
  gate: GateContext,
  incoming: Incoming,
  outgoing: OutgoingRequest,
  body: OutgoingBody,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const upstream = openRequest(gate, outgoing, body);
    const { host } = outgoing.destination;
    const gone = () => upstream.destroy();
    incoming.response.once("close", gone);
    upstream.once("response", resolve);
    upstream.on("timeout", () =>
      upstream.destroy(new Refusal("upstream_timeout", `${host.text} did not answer in time`)),
    );
    upstream.on("error", (error) => {
      incoming.response.off("close", gone);
      reject(
        upstream.reusedSocket
          ? new StaleConnection()
          : toRefusal(error, "upstream_failed", `${host.text} broke the exchange off`),
      );
    });
    if (body.bytes !== undefined) {
      upstream.end(body.bytes);
      return;
    }
    const source = passThrough(incoming.request, body.through);
    source.on("error", (error) => {
      const refusal =
        error instanceof ForbiddenBytes ? elsewhere() : toRefusal(error, "unreadable_body", "the body broke off");
      reject(refusal);
      upstream.destroy(refusal);
    });
    source.pipe(upstream);
  });
}

/** The request on its way, without its body. */
export function openRequest(
  gate: GateContext,
  { destination, path }: OutgoingRequest,
  { headers }: Pick<OutgoingBody, "headers">,
): ClientRequest {
  const { host, port, scheme, method } = destination;
  const needsLength = /^(?:POST|PUT|PATCH)$/.test(method) && valuesOf(headers, "transfer-encoding").length === 0;
  const framed = needsLength && valuesOf(headers, "content-length").length === 0;
  const pairs = framed ? [...headers, ["Content-Length", "0"]] : headers;
  return request({
    agent: gate.agents.for(scheme),
    host: host.text,
    port,
    method,
    path,
    headers: pairs.flat(),
    setHost: false,
    maxHeaderSize: MAX_RESPONSE_HEAD,
    // Before the sandbox's connection falls to its own silence, so that the client is told.
    timeout: gate.timings.silenceMs * 0.9,
  });
}

function answerWith(
  { response }: Incoming,
  answer: IncomingMessage,
  { secrets }: OutgoingRequest,
  count: (bytes: number) => boolean,
): Promise<void> {
  const status = answer.statusCode ?? 0;
  if (status < 200 || status > 599) {
    answer.destroy();
    throw new Refusal("upstream_failed", "the host answered with a status that there is not");
  }
  const { headers, through } = maskResponse(answer, secrets, count);
  response.sendDate = false;
  response.statusCode = status;
  for (const [name, value] of headers) response.appendHeader(name, value);
  // With the first piece of the body when that is here already: one write and not two.
  setImmediate(() => {
    if (response.headersSent || response.destroyed) return;
    if ("flushHeaders" in response) response.flushHeaders();
    else response.writeHead(response.statusCode);
  });
  return new Promise((resolve) => {
    // The client sees a cut by the connection's end: there is no length or a wrong one, and never a last chunk.
    pipeline([answer, ...through, response], () => resolve());
  });
}

/** Tells the client why, and ends what cannot go on: the connection in HTTP/1.1, the stream in HTTP/2. */
function refuse({ request, response, hangUp }: Incoming, refusal: Refusal): void {
  if (response.headersSent || response.destroyed) {
    if ("stream" in response) response.stream?.close();
    else response.destroy();
    return;
  }
  const { status, headers, body } = toAnswer(refusal);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (request.httpVersionMajor === 1) response.setHeader("connection", "close");
  response.statusCode = status;
  const last = request.httpVersionMajor === 1 || refusal.code === "placeholder_elsewhere";
  request.resume();
  response.end(body, () => {
    if (last) hangUp();
  });
}

/** The head of a request as Node's parsers give it. */
export function readHead(request: IncomingMessage): RequestHead {
  const { method = "", url = "", httpVersion: version, rawHeaders } = request;
  return { method, url, version, headers: toPairs(rawHeaders) };
}

export { hasBody };
