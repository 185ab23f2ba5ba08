import { errorOfMessage } from "./answer-error.ts";
import { GloveboxError } from "./errors.ts";
import { idempotencyKey } from "./idempotency.ts";
import { DEFAULT_RETRY } from "./retry.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type { ChatInput, Turn, TurnEvent } from "./types/chat.ts";
import type { CallOptions, CreateOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";
import { wait } from "./wait.ts";

/** Connections without a single event before giving up. */
const MAX_FRUITLESS = 6;

/** Says something to an assistant. A turn is a run: it goes on whether or not anybody waits for it. */
export interface Chat {
  /**
   * Resolves when the turn has ended, also with `status: "error"`; waits over broken connections and restarts of the server. Errors: `not_found`, `invalid_argument`,
   * `conflict` while another turn of the conversation is under way.
   */
  (input: ChatInput, options?: CreateOptions): Promise<Turn>;
  /** What happens in the turn, as it happens; the last is `completed`. A broken connection is taken up again; text that came meanwhile is in the result only. */
  stream(input: ChatInput, options?: CreateOptions): AsyncGenerator<TurnEvent, void>;
  /** What happens from now on in a turn that goes on already. Leaving early does not stop it: cancel its run for that. */
  follow(runId: string, options?: CallOptions): AsyncGenerator<TurnEvent, void>;
  /** Waits for the end of a turn, as a call of `chat` does. */
  result(runId: string, options?: CallOptions): Promise<Turn>;
}

export function createChat(transport: Transport): Chat {
  const stream: Chat["stream"] = (input, options) => streamTurn(transport, input, options);
  const follow: Chat["follow"] = (runId, options) => followTurn(transport, runId, options);
  // A plain request would be given up by proxies, and by `fetch` itself, while the turn waits for a person; a stream has its heartbeat.
  const chat = (input: ChatInput, options?: CreateOptions) => resultOf(stream(input, options));
  return Object.assign(chat, {
    stream,
    follow,
    result: (runId: string, options?: CallOptions) => resultOf(follow(runId, options)),
  });
}

async function resultOf(events: AsyncIterable<TurnEvent>): Promise<Turn> {
  for await (const event of events) if (event.type === "completed") return event.result;
  throw new GloveboxError("unavailable", "the stream of the turn ended without its result");
}

async function* streamTurn(
  transport: Transport,
  input: ChatInput,
  options: CreateOptions = {},
): AsyncGenerator<TurnEvent, void> {
  const { signal } = options;
  const key = idempotencyKey(options);
  const open = () =>
    transport.raw({
      method: "POST",
      path: urlPath("chat"),
      body: { ...input, stream: true },
      accept: "text/event-stream",
      idempotencyKey: key,
      signal,
    });
  let runId: string | undefined;
  for await (const event of again(open, signal, () => runId === undefined)) {
    if (event.type === "started") runId = event.runId;
    yield event;
    if (event.type === "completed") return;
  }
  if (runId === undefined) return;
  for await (const event of followTurn(transport, runId, options)) if (event.type !== "started") yield event;
}

async function* followTurn(
  transport: Transport,
  runId: string,
  { signal }: CallOptions = {},
): AsyncGenerator<TurnEvent, void> {
  const path = urlPath("chat", runId);
  const open = () => transport.raw({ method: "GET", path, accept: "text/event-stream", signal });
  for await (const event of again(open, signal)) {
    yield event;
    if (event.type === "completed") return;
  }
}

/** The events of a stream that is opened again when it breaks, as long as `goesOn`. Gives up after {@link MAX_FRUITLESS} connections without an event. */
async function* again(
  open: () => Promise<Response>,
  signal: AbortSignal | undefined,
  goesOn: () => boolean = () => true,
): AsyncGenerator<TurnEvent, void> {
  for (let fruitless = 1; ; fruitless += 1) {
    let failure: unknown;
    try {
      for await (const event of eventsOf(await open(), signal)) {
        // That it has started is said on every connection.
        if (event.type !== "started") fruitless = 0;
        yield event;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!isBroken(error)) throw error;
      failure = error;
    }
    if (!goesOn()) return;
    if (fruitless >= MAX_FRUITLESS) {
      throw failure ?? new GloveboxError("unavailable", "the stream of the turn breaks off again and again");
    }
    await wait(Math.min(DEFAULT_RETRY.maxMs, DEFAULT_RETRY.baseMs * 2 ** fruitless), signal);
  }
}

/** Whether the turn may go on although its stream does not. */
function isBroken(error: unknown): boolean {
  return error instanceof GloveboxError && error.code === "unavailable";
}

async function* eventsOf(response: Response, signal: AbortSignal | undefined): AsyncGenerator<TurnEvent> {
  if (response.body === null) return;
  try {
    for await (const message of sseMessages(response.body)) {
      if (message.event === "error") throw errorOfMessage(message.data);
      const event = parse(message.data);
      if (event !== undefined) yield event;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof GloveboxError) throw cause;
    throw new GloveboxError("unavailable", "the stream broke off", { cause });
  }
}

/** What has the shape of an event; clients skip what they do not know. */
function parse(data: string): TurnEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    const isEvent = typeof value === "object" && value !== null && typeof (value as TurnEvent).type === "string";
    return isEvent ? (value as TurnEvent) : undefined;
  } catch {
    return undefined;
  }
}
