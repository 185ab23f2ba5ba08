import { type IncomingMessage, request } from "node:http";
import { GloveboxError } from "../../core/index.ts";

/** An answer of Firecracker's has a few hundred bytes. */
const MOST_BYTES = 64 << 10;
const MOST_HEADER_BYTES = 8 << 10;

export interface Asked {
  readonly method: "GET" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface ExchangeOptions {
  /** For all of it: connecting, asking and the whole answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * One request over a unix socket, on a connection of its own, and its whole answer. The other end is not trusted: what it sends is bounded in
 * bytes and time. Errors: `unavailable` (nobody there, silence, a broken connection), `internal` (more than an answer may be), `cancelled`.
 */
export function exchange(socketPath: string, asked: Asked, options: ExchangeOptions): Promise<Answer> {
  const limit = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
  const headers = {
    accept: "application/json",
    ...(body === undefined
      ? {}
      : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
  };
  const { method, path } = asked;
  return new Promise<Answer>((resolve, reject) => {
    const call = request(
      { socketPath, method, path, headers, agent: false, signal, maxHeaderSize: MOST_HEADER_BYTES },
      (answer) => {
        wholeOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject);
      },
    );
    call.on("error", reject);
    call.end(body);
  }).catch((cause: unknown) => {
    throw explain(cause, `${method} ${path}`, options);
  });
}

async function wholeOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop early destroys the connection.
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new GloveboxError("internal", "Firecracker answers with more than an answer may be");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function explain(cause: unknown, what: string, { signal, timeoutMs }: ExchangeOptions): GloveboxError {
  if (cause instanceof GloveboxError) return cause;
  if (signal?.aborted) return new GloveboxError("cancelled", `${what} was cancelled`, { cause });
  const { name, code, message } = cause as NodeJS.ErrnoException;
  const late = name === "AbortError" || name === "TimeoutError";
  const why = late ? `no answer within ${timeoutMs} ms` : (code ?? message);
  return new GloveboxError("unavailable", `Firecracker does not answer ${what}: ${why}`, { cause });
}
