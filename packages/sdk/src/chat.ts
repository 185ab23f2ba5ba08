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
  /** Resolves when the turn has ended, also with `status: "error"`. Errors: `not_found`, `invalid_argument`, `conflict` while another turn of the conversation is under way. */
  (input: ChatInput, options?: CreateOptions): Promise<Turn>;
  /** What happens in the turn, as it happens; the last is `completed`. A broken connection is taken up again; text that came meanwhile is in the result only. */
  stream(input: ChatInput, options?: CreateOptions): AsyncGenerator<TurnEvent, void>;
  /** What happens from now on in a turn that goes on already. Leaving early does not stop it: cancel its run for that. */
  follow(runId: string, options?: CallOptions): AsyncGenerator<TurnEvent, void>;
  /** Waits for the end of a turn. */
  result(runId: string, options?: CallOptions): Promise<Turn>;
}

export function createChat(transport: Transport): Chat {
  const send = (input: ChatInput, options: CreateOptions = {}) =>
    transport.json<Turn>({
      method: "POST",
      path: urlPath("chat"),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  return Object.assign(send, {
    stream: (input: ChatInput, options?: CreateOptions) => streamTurn(transport, input, options),
    follow: (runId: string, options?: CallOptions) => followTurn(transport, runId, options),
    result: (runId: string, options: CallOptions = {}) =>
      transport.json<Turn>({ method: "GET", path: urlPath("chat", runId), signal: options.signal }),
  });
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
  try {
    for await (const event of eventsOf(await open(), signal)) {
      if (event.type === "started") runId = event.runId;
      yield event;
      if (event.type === "completed") return;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (runId === undefined || !isBroken(error)) throw error;
  }
  if (runId === undefined) throw new GloveboxError("unavailable", "the connection broke before the turn began");
  for await (const event of followTurn(transport, runId, options)) if (event.type !== "started") yield event;
}

async function* followTurn(
  transport: Transport,
  runId: string,
  { signal }: CallOptions = {},
): AsyncGenerator<TurnEvent, void> {
  const path = urlPath("chat", runId);
  for (let fruitless = 1; ; fruitless += 1) {
    let failure: unknown;
    try {
      const response = await transport.raw({ method: "GET", path, accept: "text/event-stream", signal });
      for await (const event of eventsOf(response, signal)) {
        fruitless = 0;
        yield event;
        if (event.type === "completed") return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!isBroken(error)) throw error;
      failure = error;
    }
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
