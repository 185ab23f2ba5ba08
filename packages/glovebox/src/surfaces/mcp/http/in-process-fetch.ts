import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest, InjectOptions } from "fastify";

/** How a caller's own requests look: its credentials, and where it is. */
export interface CallerIdentity {
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
}

const CREDENTIALS = ["authorization", "x-api-key"] as const;

/**
 * What a request proves who it is with. `Host` belongs to it: see the authentication of this machine's own requests. So does its id: what an
 * MCP session did is found together in the audit log.
 */
export function identityOf(request: FastifyRequest): CallerIdentity {
  const headers: Record<string, string> = { "x-request-id": request.id };
  for (const name of [...CREDENTIALS, "host"]) {
    const value = request.headers[name];
    if (typeof value === "string") headers[name] = value;
  }
  return { headers, remoteAddress: request.ip };
}

/**
 * A `fetch` to the server that we are, without a socket: every request passes the same hooks as one from outside, as the caller. So a tool
 * can do what the caller could do over HTTP, and nothing else.
 */
export function inProcessFetch(app: FastifyInstance, caller: CallerIdentity): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const headers = new Headers(init.headers);
    // Whatever else the client was made with, such as a token in our own environment, is not the caller's.
    for (const name of CREDENTIALS) headers.delete(name);
    const { signal } = init;
    signal?.throwIfAborted();
    const answering = app.inject({
      method: (init.method ?? "GET") as NonNullable<InjectOptions["method"]>,
      url: `${url.pathname}${url.search}`,
      headers: { ...Object.fromEntries(headers), ...caller.headers },
      remoteAddress: caller.remoteAddress,
      payloadAsStream: true,
      ...payloadOf(init.body),
    });
    const answer = await orAborted(answering, signal ?? undefined);
    const body = answer.stream();
    // A handler that streams sees that nobody reads on.
    body.once("close", () => answer.raw.res.destroy());
    const onAbort = () => body.destroy();
    signal?.addEventListener("abort", onAbort, { once: true });
    body.once("close", () => signal?.removeEventListener("abort", onAbort));
    return toResponse(answer.statusCode, answer.headers, body);
  };
}

function payloadOf(body: RequestInit["body"]): Pick<InjectOptions, "payload"> {
  if (body === undefined || body === null) return {};
  if (typeof body === "string") return { payload: body };
  if (body instanceof Uint8Array) return { payload: Buffer.from(body) };
  throw new TypeError("only text and bytes are sent in-process");
}

type Injected = Awaited<ReturnType<FastifyInstance["inject"]>>;

/** An answer that comes after the abort is dropped, and its stream ended. */
async function orAborted(answering: Promise<Injected>, signal: AbortSignal | undefined): Promise<Injected> {
  if (signal === undefined) return await answering;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([answering, aborted.promise]);
  } catch (error) {
    answering.then(
      (late) => {
        late.stream().destroy();
        late.raw.res.destroy();
      },
      () => undefined,
    );
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function toResponse(status: number, headers: Injected["headers"], body: Readable): Response {
  const answered = new Headers();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) answered.set(name, String(value));
  const isEmpty = status === 204 || status === 304;
  if (isEmpty) body.resume();
  return new Response(isEmpty ? null : (Readable.toWeb(body) as ReadableStream<Uint8Array>), {
    status,
    headers: answered,
  });
}
