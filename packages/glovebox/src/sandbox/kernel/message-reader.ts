import { GloveboxError } from "../../core/index.ts";
import type { KernelMessage } from "../kernel-message.ts";
import { parseMessage } from "./parse-message.ts";

/** The longest line a kernel may send, bytes. */
export const MAX_LINE_BYTES = 4 * 1_048_576;

const NEWLINE = 10;

/**
 * Cuts a kernel's control output into messages. What it is fed is hostile: it holds at most one line of
 * {@link MAX_LINE_BYTES}, and after a breach of the protocol it takes nothing more.
 */
export class KernelMessageReader {
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #breach: GloveboxError | undefined;

  /** Bytes of an unfinished line, not yet part of any message. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * The messages that `data` completes. Errors: `invalid_argument` at the first breach of the protocol and ever after.
   */
  push(data: Uint8Array): readonly KernelMessage[] {
    if (this.#breach !== undefined) throw this.#breach;
    const messages: KernelMessage[] = [];
    let start = 0;
    try {
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
        messages.push(parseMessage(this.#take(data.subarray(start, end))));
        start = end + 1;
      }
      this.#hold(data.subarray(start));
    } catch (error) {
      this.#held = [];
      this.#heldBytes = 0;
      this.#breach = error as GloveboxError;
      throw error;
    }
    return messages;
  }

  #take(last: Uint8Array): Uint8Array {
    this.#bound(last.length);
    if (this.#heldBytes === 0) return last;
    const line = Buffer.concat([...this.#held, last], this.#heldBytes + last.length);
    this.#held = [];
    this.#heldBytes = 0;
    return line;
  }

  #hold(rest: Uint8Array): void {
    if (rest.length === 0) return;
    this.#bound(rest.length);
    // A copy: the caller may use its buffer again.
    this.#held.push(Uint8Array.prototype.slice.call(rest));
    this.#heldBytes += rest.length;
    // Bytes that come one by one must not cost an object each.
    if (this.#held.length >= 256) this.#held = [Buffer.concat(this.#held, this.#heldBytes)];
  }

  #bound(more: number): void {
    if (this.#heldBytes + more <= MAX_LINE_BYTES) return;
    throw new GloveboxError("invalid_argument", `a message of the kernel is longer than ${MAX_LINE_BYTES} bytes`);
  }
}
