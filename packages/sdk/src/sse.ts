/** One event of a `text/event-stream`. */
export interface SseMessage {
  /** The last event id seen so far, as the standard has it. */
  readonly id: string;
  /** `message` unless the stream says otherwise. */
  readonly event: string;
  readonly data: string;
}

/** An event larger than this (characters) is a broken or hostile stream. */
const MAX_MESSAGE = 32 * 1_048_576;

/** Thrown when a stream breaks the parser's bounds. */
export class SseError extends Error {
  override readonly name = "SseError";
}

/**
 * Parses a `text/event-stream` (WHATWG HTML, 9.2.6) that arrives in pieces of any size: lines end in LF, CR or CRLF, also
 * when a CRLF is split over two pieces. An event that is not closed by an empty line is dropped.
 */
export class SseParser {
  #line = "";
  #data: string[] = [];
  #size = 0;
  #event = "";
  #id = "";
  #started = false;
  #afterCr = false;
  #retryMs: number | undefined;

  /** The pause before a reconnect that the server asked for, milliseconds. */
  get retryMs(): number | undefined {
    return this.#retryMs;
  }

  /** The messages that `piece` completes. */
  push(piece: string): SseMessage[] {
    const messages: SseMessage[] = [];
    let at = 0;
    if (!this.#started && piece !== "") {
      this.#started = true;
      if (piece.charCodeAt(0) === 0xfeff) at = 1;
    }
    while (at < piece.length) {
      if (this.#afterCr) {
        this.#afterCr = false;
        if (piece.charCodeAt(at) === 10) {
          at += 1;
          continue;
        }
      }
      const end = lineEnd(piece, at);
      this.#line += piece.slice(at, end);
      if (this.#line.length + this.#size > MAX_MESSAGE) throw new SseError("an event is larger than 32 MiB");
      if (end === piece.length) break;
      this.#afterCr = piece.charCodeAt(end) === 13;
      at = end + 1;
      const message = this.#endLine();
      if (message !== undefined) messages.push(message);
    }
    return messages;
  }

  #endLine(): SseMessage | undefined {
    const line = this.#line;
    this.#line = "";
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") {
      this.#data.push(value);
      this.#size += value.length + 1;
    } else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]{1,9}$/.test(value)) this.#retryMs = Number(value);
    return undefined;
  }

  #dispatch(): SseMessage | undefined {
    const data = this.#data;
    const event = this.#event;
    this.#data = [];
    this.#size = 0;
    this.#event = "";
    if (data.length === 0) return undefined;
    return { id: this.#id, event: event === "" ? "message" : event, data: data.join("\n") };
  }
}

function lineEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) return at;
  }
  return text.length;
}

/** The messages of an answer's body. Leaving the loop early lets go of the connection. */
export async function* sseMessages(
  body: ReadableStream<Uint8Array>,
  parser = new SseParser(),
): AsyncGenerator<SseMessage> {
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
