import { Duplex } from "node:stream";
import { GloveboxError } from "../../core/index.ts";
import { encodeFrame, encodeOffsetFrame, FORWARD_STREAM, FORWARD_WINDOW_BYTES, FRAME } from "./frame.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** Pieces below this are copied, so that many tiny frames do not pin large buffers. */
const SMALL_BYTES = 4096;
/** What the agent does when it is let go of: give the program what came before, or break the connection at once. */
const AFTER_WHAT_CAME = 0;
const AT_ONCE = 104;

type Done = (error?: Error | null) => void;

/**
 * A connection that a program in a sandbox made, as its host sees it. Holds 32 KiB each way at most: bytes are acknowledged
 * when they were read, and written only as the program takes them. `end()` and the program's end are independent.
 * `destroy()` lets go after what was written before; `destroy(error)` resets. Ends with `unavailable` when the program
 * or the sandbox is gone.
 */
export class ForwardedStream extends Duplex {
  private readonly id: number;
  private readonly send: (frame: Buffer) => void;
  private sent = 0;
  private acked = 0;
  private received = 0;
  private given = 0;
  /** Came while nobody read, joined: at most a window of it, however small the pieces were. */
  private held: Buffer | undefined;
  private heldBytes = 0;
  private wanted = false;
  private writing: { readonly chunk: Buffer; at: number; readonly done: Done } | undefined;
  private hostEnded = false;
  private programEnded = false;
  /** CLOSED was sent: nothing may follow. */
  private letGo = false;
  private gone = false;

  constructor(id: number, send: (frame: Buffer) => void) {
    // Of what is buffered beyond one piece this class takes care itself.
    super({ allowHalfOpen: true, readableHighWaterMark: 1, writableHighWaterMark: FORWARD_WINDOW_BYTES });
    this.id = id;
    this.send = send;
    // An owner that is not listening (any more) must not cost the server its life.
    this.on("error", () => {});
  }

  /** Throws {@link ProtocolViolation} for what is out of order, or more than there was credit for. */
  onData(offset: number, data: Buffer): void {
    const { received } = this;
    if (offset !== received || this.programEnded || data.length === 0) throw this.violation(`data at ${offset}`);
    if (received + data.length - this.given > FORWARD_WINDOW_BYTES) throw this.violation("data beyond the window");
    this.received += data.length;
    if (this.destroyed) return;
    if (!this.wanted || this.heldBytes > 0) this.hold(data);
    else this.give(data.length < SMALL_BYTES ? Buffer.from(data) : data);
  }

  onEof(end: number): void {
    if (end !== this.received || this.programEnded) throw this.violation(`an end at ${end}`);
    this.programEnded = true;
    if (this.heldBytes === 0 && !this.destroyed) this.push(null);
  }

  onAck(offset: number): void {
    if (offset > this.sent || offset < this.acked) throw this.violation(`${offset} of ${this.sent} bytes taken`);
    this.acked = offset;
    this.pump();
  }

  /** The agent has nothing of it any more, and waits to hear that we know. `errno` 0: both ends said all, or we let go. */
  onClosed(errno: number): void {
    this.gone = true;
    this.close(AFTER_WHAT_CAME);
    if (this.destroyed || (errno === 0 && this.hostEnded && this.programEnded)) return;
    this.destroy(new GloveboxError("unavailable", `the program's connection is gone (errno ${errno})`));
  }

  fail(error: GloveboxError): void {
    this.gone = true;
    this.destroy(error);
  }

  override _read(): void {
    this.wanted = true;
    const { held, heldBytes } = this;
    this.held = undefined;
    this.heldBytes = 0;
    if (held !== undefined && heldBytes > 0) {
      this.give(held.subarray(0, heldBytes));
      if (this.programEnded) this.push(null);
    } else {
      this.acknowledge();
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.writing = { chunk, at: 0, done };
    this.pump();
  }

  override _final(done: Done): void {
    this.hostEnded = true;
    if (!this.letGo) this.send(encodeOffsetFrame(FRAME.EOF, this.id, FORWARD_STREAM, this.sent));
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.held = undefined;
    this.writing = undefined;
    // After both ends the agent is left to give the program the rest.
    if (!this.gone && !(this.hostEnded && this.programEnded)) this.close(error ? AT_ONCE : AFTER_WHAT_CAME);
    done(error);
  }

  private close(how: number): void {
    if (this.letGo) return;
    this.letGo = true;
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(how);
    this.send(encodeFrame(FRAME.CLOSED, this.id, payload));
  }

  private pump(): void {
    const { writing } = this;
    if (writing === undefined) return;
    while (writing.at < writing.chunk.length) {
      const room = FORWARD_WINDOW_BYTES - (this.sent - this.acked);
      if (room === 0) return;
      const piece = writing.chunk.subarray(writing.at, writing.at + room);
      this.send(encodeOffsetFrame(FRAME.DATA, this.id, FORWARD_STREAM, this.sent, piece));
      this.sent += piece.length;
      writing.at += piece.length;
    }
    this.writing = undefined;
    writing.done();
  }

  private give(data: Buffer): void {
    this.wanted = this.push(data);
    if (this.wanted) this.acknowledge();
  }

  private hold(data: Buffer): void {
    this.held ??= Buffer.allocUnsafeSlow(FORWARD_WINDOW_BYTES);
    data.copy(this.held, this.heldBytes);
    this.heldBytes += data.length;
  }

  /** Called when all that came has been read, or is about to be. */
  private acknowledge(): void {
    if (this.given === this.received || this.letGo || this.programEnded) return;
    this.given = this.received;
    this.send(encodeOffsetFrame(FRAME.ACK, this.id, FORWARD_STREAM, this.given));
  }

  private violation(what: string): ProtocolViolation {
    return new ProtocolViolation(`connection ${this.id}: ${what}`);
  }
}
