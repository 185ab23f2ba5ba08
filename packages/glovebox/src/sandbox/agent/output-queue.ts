import { GloveboxError } from "../../core/index.ts";
import type { OutputStream, ProcessItem } from "../process.ts";

/** Pieces below this are copied together, so that many tiny frames do not pin large buffers. */
const SMALL_BYTES = 4096;
const JOINED_BYTES = 32_768;

interface Joined {
  readonly stream: OutputStream;
  readonly offset: number;
  readonly buffer: Buffer;
  length: number;
}
type Entry =
  | { readonly kind: "ready"; readonly item: ProcessItem }
  | { readonly kind: "joined"; readonly joined: Joined };

/**
 * What came from a process and was not read yet, in order. Bounded by the credit that the agent has: see the check in
 * `AgentProcess`. One reader.
 */
export class OutputQueue {
  private entries: Entry[] = [];
  private at = 0;
  private failure: GloveboxError | undefined;
  private wake: (() => void) | undefined;

  push(item: ProcessItem): void {
    this.entries.push({ kind: "ready", item });
    this.notify();
  }

  pushOutput(stream: OutputStream, offset: number, data: Buffer): void {
    const last = this.entries.at(-1);
    if (data.length < SMALL_BYTES) {
      if (last?.kind === "joined" && this.at < this.entries.length && fits(last.joined, stream, data)) {
        data.copy(last.joined.buffer, last.joined.length);
        last.joined.length += data.length;
      } else if (this.at < this.entries.length) {
        const buffer = Buffer.allocUnsafeSlow(last?.kind === "joined" ? JOINED_BYTES : SMALL_BYTES);
        data.copy(buffer);
        this.entries.push({ kind: "joined", joined: { stream, offset, buffer, length: data.length } });
      } else {
        this.push({ kind: "output", stream, offset, data: Buffer.from(data) });
        return;
      }
    } else {
      this.entries.push({ kind: "ready", item: { kind: "output", stream, offset, data } });
    }
    this.notify();
  }

  /** No more will come. What is here can still be read. */
  fail(error: GloveboxError): void {
    this.failure ??= error;
    this.notify();
  }

  clear(): void {
    this.entries = [];
    this.at = 0;
  }

  /** The next item, waiting for it. Rejects with the failure once all was read, and with `cancelled` on abort. */
  async next(signal?: AbortSignal): Promise<ProcessItem> {
    for (;;) {
      if (signal?.aborted) throw new GloveboxError("cancelled", "reading was cancelled", { cause: signal.reason });
      const item = this.shift();
      if (item !== undefined) return item;
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        this.wake = wake;
        signal?.addEventListener("abort", wake, { once: true });
      });
    }
  }

  private shift(): ProcessItem | undefined {
    const entry = this.entries[this.at];
    if (entry === undefined) return undefined;
    this.at += 1;
    if (this.at === this.entries.length) this.clear();
    else if (this.at >= 64) {
      this.entries.splice(0, this.at);
      this.at = 0;
    }
    if (entry.kind === "ready") return entry.item;
    const { stream, offset, buffer, length } = entry.joined;
    return { kind: "output", stream, offset, data: buffer.subarray(0, length) };
  }

  private notify(): void {
    const wake = this.wake;
    this.wake = undefined;
    wake?.();
  }
}

function fits(joined: Joined, stream: OutputStream, data: Buffer): boolean {
  return joined.stream === stream && joined.length + data.length <= joined.buffer.length;
}
