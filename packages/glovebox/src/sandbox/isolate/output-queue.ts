import type { OutputStream, ProcessItem } from "../process.ts";

/** Chunks are at most this long, as those of the agent are. */
const MAX_CHUNK = 65_536;

/** What a process said and its reader has not taken yet, in order. The worker's windows bound it. */
export class OutputQueue {
  #items: ProcessItem[] = [];
  #ended = false;
  #reading = false;
  #wake: (() => void) | undefined;
  readonly #ends: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };
  readonly #acked: Record<OutputStream, number> = { stdout: 0, stderr: 0, control: 0 };

  get held(): Readonly<Record<OutputStream, { readonly from: number; readonly to: number }>> {
    const of = (stream: OutputStream) => ({ from: this.#acked[stream], to: this.#ends[stream] });
    return { stdout: of("stdout"), stderr: of("stderr"), control: of("control") };
  }

  get ended(): boolean {
    return this.#ended;
  }

  output(stream: OutputStream, data: Uint8Array): void {
    for (let start = 0; start < data.length; start += MAX_CHUNK) {
      const piece = data.subarray(start, start + MAX_CHUNK);
      this.push({ kind: "output", stream, offset: this.#ends[stream], data: piece });
      this.#ends[stream] += piece.length;
    }
  }

  /** Adds an item. After an `exit` nothing is added any more. */
  push(item: ProcessItem): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#ended = item.kind === "exit";
    this.#wake?.();
  }

  /** Notes what the reader has committed; gives back the stream's new mark. */
  ack(stream: OutputStream, offset: number): number {
    this.#acked[stream] = Math.min(Math.max(this.#acked[stream], offset), this.#ends[stream]);
    return this.#acked[stream];
  }

  async *read(signal?: AbortSignal): AsyncIterable<ProcessItem> {
    if (this.#reading) throw new Error("the output of a process has one reader");
    this.#reading = true;
    const onAbort = () => this.#wake?.();
    signal?.addEventListener("abort", onAbort);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const item = this.#items.shift();
        if (item) {
          yield item;
          if (item.kind === "exit") return;
        } else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.#reading = false;
      signal?.removeEventListener("abort", onAbort);
    }
  }
}
