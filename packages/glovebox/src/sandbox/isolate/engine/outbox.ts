import type { OutputStream } from "../../process.ts";
import { WORD } from "../shared-words.ts";
import type { Channel } from "./channel.ts";

/** Bytes of a stream that may be on their way, unacknowledged: as the agent's spool. */
export const WINDOW_BYTES = 262_144;
const FLUSH_BYTES = 32_768;
const FLUSH_MS = 4;

const ACKED = {
  stdout: WORD.ackedStdout,
  stderr: WORD.ackedStderr,
  control: WORD.ackedControl,
} as const satisfies Record<OutputStream, number>;

/**
 * What the guest says on its way out: gathered for a few milliseconds, then posted. A reader that does not
 * acknowledge stops the guest here, so a flood takes no more memory than the windows.
 */
export class Outbox {
  readonly #channel: Channel;
  readonly #sent: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };
  /** While set, what is written goes nowhere. */
  muted = false;
  #stream: OutputStream = "control";
  #pending: Buffer[] = [];
  #bytes = 0;
  #since = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Adds text to a stream, in order with all others. Waits while the window is full; throws `Interrupted`. */
  write(stream: OutputStream, text: string): void {
    this.#waitForWindow(stream);
    this.#add(stream, text);
    if (this.#bytes >= FLUSH_BYTES) this.flush();
    else this.tick();
  }

  /** A message that ends a request. Few and bounded, so they need no window. */
  writeFinal(text: string): void {
    this.#add("control", text);
  }

  /** Posts what has waited long enough. Called now and then while the guest runs. */
  tick(): void {
    if (this.#bytes > 0 && performance.now() - this.#since >= FLUSH_MS) this.flush();
  }

  flush(): void {
    if (this.#bytes === 0) return;
    const data = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pending) {
      data.set(piece, at);
      at += piece.length;
    }
    this.#sent[this.#stream] += data.length;
    this.#pending = [];
    this.#bytes = 0;
    this.#channel.post({ t: "output", stream: this.#stream, data });
  }

  #add(stream: OutputStream, text: string): void {
    if (this.muted) return;
    if (stream !== this.#stream) this.flush();
    this.#stream = stream;
    const piece = Buffer.from(text, "utf8");
    if (this.#bytes === 0) this.#since = performance.now();
    this.#pending.push(piece);
    this.#bytes += piece.length;
  }

  #waitForWindow(stream: OutputStream): void {
    const open = () => {
      const acked = Atomics.load(this.#channel.words, ACKED[stream]);
      return ((this.#sent[stream] - acked) | 0) < WINDOW_BYTES;
    };
    if (open()) return;
    this.flush();
    this.#channel.waitFor(open);
  }
}
