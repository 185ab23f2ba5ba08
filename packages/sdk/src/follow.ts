import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { DEFAULT_RETRY, pauseBeforeRetry } from "./retry.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type { StoredEvent } from "./types/event.ts";
import type { CallOptions } from "./types/page.ts";
import { wait } from "./wait.ts";

export interface FollowOptions extends CallOptions {
  /** Only events with a greater `seq`. Default 0: from the start. */
  readonly afterSeq?: number | undefined;
}

/** An event, or a record of a journal. */
interface Numbered {
  readonly seq: number;
  readonly type: string;
}

interface NumberedPage<E> {
  readonly items: readonly E[];
  readonly nextAfterSeq: number;
  readonly done: boolean;
}

/** Reconnects without a single event in between before giving up. */
const MAX_FRUITLESS = 6;

/**
 * Every event of a stream after `afterSeq`, then each new one, until the stream ends: each exactly once and in order. A broken
 * connection is taken up again after the last event that was seen. Leaving the loop early closes the connection and nothing else.
 */
export async function* followEvents<E extends Numbered = StoredEvent>(
  transport: Transport,
  path: string,
  options: FollowOptions = {},
): AsyncGenerator<E, void> {
  let afterSeq = options.afterSeq ?? 0;
  let fruitless = 0;
  for (;;) {
    const before = afterSeq;
    let failure: unknown;
    try {
      for await (const event of liveEvents<E>(transport, path, afterSeq, options.signal)) {
        if (event === "end") return;
        if (event.seq <= afterSeq) continue;
        afterSeq = event.seq;
        yield event;
      }
      // The server closed it without saying that this is the end: it shuts down, or a proxy cut it. The page knows.
      const page = await readPage<E>(transport, path, afterSeq, options.signal);
      for (const event of page.items) {
        if (event.seq <= afterSeq) continue;
        afterSeq = event.seq;
        yield event;
      }
      if (page.done) return;
    } catch (error) {
      options.signal?.throwIfAborted();
      failure = error;
    }
    fruitless = afterSeq > before ? 0 : fruitless + 1;
    await pauseOrThrow(failure, fruitless, options.signal);
  }
}

/** One page of a stream's events. */
export function readPage<E = StoredEvent>(
  transport: Transport,
  path: string,
  afterSeq: number,
  signal?: AbortSignal,
  limit?: number,
): Promise<NumberedPage<E>> {
  return transport.json<NumberedPage<E>>({ method: "GET", path, query: { afterSeq, limit }, signal });
}

async function* liveEvents<E extends Numbered>(
  transport: Transport,
  path: string,
  afterSeq: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<E | "end"> {
  const response = await transport.raw({
    method: "GET",
    path,
    query: { afterSeq },
    accept: "text/event-stream",
    headers: afterSeq > 0 ? { "last-event-id": String(afterSeq) } : {},
    signal,
  });
  if (response.body === null) return;
  try {
    for await (const message of sseMessages(response.body)) {
      if (message.event === "error") throw errorOfMessage(message.data);
      if (message.event === "end") yield "end";
      const event = parseEvent<E>(message.data);
      if (event !== undefined) yield event;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof GloveboxError) throw cause;
    throw new GloveboxError("unavailable", "the stream of events broke", { cause });
  }
}

/** Messages of kinds that a later server may add have no `seq`. */
function parseEvent<E extends Numbered>(data: string): E | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw new GloveboxError("internal", "the server sent an event that is not JSON", { cause });
  }
  if (typeof value !== "object" || value === null) return undefined;
  return "seq" in value && typeof value.seq === "number" && "type" in value ? (value as unknown as E) : undefined;
}

async function pauseOrThrow(failure: unknown, fruitless: number, signal: AbortSignal | undefined): Promise<void> {
  if (failure === undefined && fruitless === 0) return;
  const error = failure ?? new GloveboxError("unavailable", "the server keeps closing the stream of events");
  const policy = { ...DEFAULT_RETRY, attempts: MAX_FRUITLESS + 1 };
  const pauseMs = pauseBeforeRetry(error, Math.max(1, fruitless), true, policy);
  if (pauseMs === undefined) throw error;
  await wait(pauseMs, signal);
}
