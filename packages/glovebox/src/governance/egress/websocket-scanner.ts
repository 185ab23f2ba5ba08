import { Transform, type TransformCallback } from "node:stream";
import type { ByteMatcher } from "./byte-matcher.ts";
import { Refusal, type RefusalCode } from "./refusal.ts";

const MESSAGES: Partial<Record<RefusalCode, string>> = {
  placeholder_elsewhere: "a WebSocket message holds a placeholder of a secret that is not bound to the host",
  unreadable_response: "a WebSocket message holds a secret's value",
};

/** Carries the refusal, but is none: streams that it destroys must not each report it. */
export class FoundInFrame extends Error {
  override readonly name = "FoundInFrame";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/**
 * Reads WebSocket frames (RFC 6455, 5.2) as they pass, undoes their masks and searches what they carry; messages are searched across frames. Fails with a
 * {@link FoundInFrame} of `code` before the frame's piece that completes a needle is passed on. A frame that claims an extension is refused too.
 */
export class WebSocketScanner extends Transform {
  readonly #matcher: ByteMatcher;
  readonly #code: RefusalCode;
  /** Of data and of control frames, which may stand between those of a message. */
  readonly #states: { data: number; control: number };
  #head: number[] = [];
  #left = 0n;
  #mask: readonly number[] = [];
  #at = 0;
  #kind: "data" | "control" = "data";

  constructor(matcher: ByteMatcher, code: RefusalCode) {
    super();
    this.#matcher = matcher;
    this.#code = code;
    this.#states = { data: matcher.start, control: matcher.start };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      for (const byte of chunk) this.#take(byte);
    } catch (error) {
      done(error instanceof Refusal ? new FoundInFrame(error) : new Error("scanning failed"));
      return;
    }
    done(null, chunk);
  }

  #take(byte: number): void {
    if (this.#left === 0n) {
      this.#takeHead(byte);
      return;
    }
    this.#left -= 1n;
    const plain = byte ^ (this.#mask[this.#at++ & 3] ?? 0);
    const state = this.#matcher.next(this.#states[this.#kind], plain);
    this.#states[this.#kind] = state;
    if (this.#matcher.match(state) !== -1)
      throw new Refusal(this.#code, MESSAGES[this.#code] ?? "found what must not pass");
  }

  #takeHead(byte: number): void {
    this.#head.push(byte);
    const [first = 0, second = 0] = this.#head;
    if ((first & 0x70) !== 0)
      throw new Refusal("malformed_request", "a WebSocket frame with an extension that was not agreed on");
    if (this.#head.length < 2) return;
    const short = second & 0x7f;
    const size = short === 127 ? 8 : short === 126 ? 2 : 0;
    const masked = (second & 0x80) !== 0;
    if (this.#head.length < 2 + size + (masked ? 4 : 0)) return;
    const length = this.#head.slice(2, 2 + size).reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    this.#left = size === 0 ? BigInt(short) : length;
    this.#mask = masked ? this.#head.slice(2 + size) : [];
    this.#at = 0;
    this.#kind = (first & 0x08) === 0 ? "data" : "control";
    // Opcodes other than 0 begin a message.
    if (this.#kind === "control" || (first & 0x0f) !== 0) this.#states[this.#kind] = this.#matcher.start;
    this.#head = [];
  }
}
