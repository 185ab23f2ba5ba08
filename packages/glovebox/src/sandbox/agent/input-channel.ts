import { GloveboxError } from "../../core/index.ts";
import { encodeOffsetFrame, FRAME, INPUT_WINDOW_BYTES, MAX_DATA_BYTES } from "./frame.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** One input stream of a process: sends within the agent's credit, in the order of the calls. */
export class InputChannel {
  private sent: number;
  private acked: number;
  private ended: boolean;
  private failure: GloveboxError | undefined;
  private turn: Promise<void> = Promise.resolve();
  private waiters: (() => void)[] = [];
  private readonly id: number;
  private readonly stream: 0 | 3;
  private readonly send: (frame: Buffer) => void;

  /** `received`: bytes that the agent already has from an earlier connection; it says anew what of them was taken. */
  constructor(id: number, stream: 0 | 3, send: (frame: Buffer) => void, received = 0, ended = false) {
    this.id = id;
    this.stream = stream;
    this.send = send;
    this.sent = received;
    this.acked = Math.max(0, received - INPUT_WINDOW_BYTES);
    this.ended = ended;
  }

  /** Bytes handed to the agent. */
  get given(): number {
    return this.sent;
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Resolves once the process's pipe has taken `data`, or nobody reads it any more. */
  async write(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    const end = await this.inTurn(async () => {
      for (let at = 0; at < data.length; ) {
        await this.until(() => this.sent - this.acked < INPUT_WINDOW_BYTES, signal);
        if (this.failure !== undefined) throw this.failure;
        this.refuseWhenEnded();
        const room = Math.min(INPUT_WINDOW_BYTES - (this.sent - this.acked), MAX_DATA_BYTES, data.length - at);
        this.send(encodeOffsetFrame(FRAME.DATA, this.id, this.stream, this.sent, data.subarray(at, at + room)));
        this.sent += room;
        at += room;
      }
      return this.sent;
    });
    await this.until(() => this.acked >= end, signal);
  }

  /** Closes the input after what was written before. Idempotent. */
  close(): Promise<void> {
    return this.inTurn(async () => {
      if (this.ended || this.failure !== undefined) return;
      this.ended = true;
      this.send(encodeOffsetFrame(FRAME.EOF, this.id, this.stream, this.sent));
    });
  }

  /** Throws {@link ProtocolViolation} when the agent says it took what was never sent. */
  onAck(offset: number): void {
    if (offset > this.sent) throw new ProtocolViolation(`input ${offset} acknowledged, ${this.sent} sent`);
    if (offset < this.acked) return;
    this.acked = offset;
    this.wake();
  }

  fail(error: GloveboxError): void {
    this.failure ??= error;
    this.wake();
  }

  private refuseWhenEnded(): void {
    if (this.ended) throw new GloveboxError("conflict", "the input is closed");
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.turn;
    let done = () => {};
    this.turn = new Promise((resolve) => {
      done = resolve;
    });
    try {
      await before;
      return await work();
    } finally {
      done();
    }
  }

  private async until(reached: () => boolean, signal?: AbortSignal): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw new GloveboxError("cancelled", "the write was cancelled", { cause: signal.reason });
      // First: what was taken was taken, also when the process ended in the same breath.
      if (reached()) return;
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        this.waiters.push(wake);
        signal?.addEventListener("abort", wake, { once: true });
      });
    }
  }

  private wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter();
  }
}
