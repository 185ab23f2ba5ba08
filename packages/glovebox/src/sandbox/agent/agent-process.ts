import { GloveboxError } from "../../core/index.ts";
import type { OutputStream, ProcessExit, ProcessItem, ProcessLimits, SandboxProcess, SignalScope } from "../process.ts";
import { encodeFrame, encodeOffsetFrame, FRAME } from "./frame.ts";
import { InputChannel } from "./input-channel.ts";
import {
  encodeLimits,
  encodeSignal,
  encodeTag,
  type HeldProcess,
  type Notice,
  STREAM_NAMES,
  STREAM_NUMBERS,
} from "./messages.ts";
import { OutputQueue } from "./output-queue.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** What a process needs of its connection. */
export interface ProcessLink {
  readonly window: number;
  send(frame: Buffer): void;
  signal(id: number, payload: Buffer): Promise<void>;
  forget(process: AgentProcess): void;
}

interface StreamState {
  acked: number;
  /** Where the next byte from the agent must lie. */
  next: number;
  /** Known end: what was received, or what the agent said it holds. */
  to: number;
  eof: boolean;
}

/** An honest agent sends a handful; more that nobody reads is a flood. */
const MAX_UNREAD_NOTICES = 64;
const STREAMS: readonly OutputStream[] = ["stdout", "stderr", "control"];

export class AgentProcess implements SandboxProcess {
  readonly id: number;
  tag: string;
  readonly builtin: boolean;
  pid: number;
  private readonly link: ProcessLink;
  private readonly queue = new OutputQueue();
  private readonly streams = new Map<OutputStream, StreamState>();
  private readonly stdinChannel: InputChannel;
  private readonly controlIn: InputChannel | undefined;
  private attached: boolean;
  private heldExit: ProcessExit | undefined;
  private exited = false;
  private abandoned = false;
  private released = false;
  private notices = 0;

  constructor(link: ProcessLink, id: number, held: HeldProcess, attached: boolean) {
    this.link = link;
    this.id = id;
    this.pid = held.pid;
    this.tag = held.tag;
    this.builtin = held.builtin;
    this.attached = attached;
    this.heldExit = held.exit;
    for (const stream of STREAMS) {
      if ((stream === "stderr" && held.terminal) || (stream === "control" && !held.control)) continue;
      const { acked, end } = held.streams[stream];
      this.streams.set(stream, { acked, next: acked, to: end, eof: false });
    }
    const send = (frame: Buffer) => this.link.send(frame);
    this.stdinChannel = new InputChannel(id, 0, send, held.received.stdin, held.stdinClosed);
    this.controlIn = held.control ? new InputChannel(id, 3, send, held.received.control) : undefined;
  }

  get held(): SandboxProcess["held"] {
    const range = (stream: OutputStream) => {
      const state = this.streams.get(stream);
      return { from: state?.acked ?? 0, to: state?.to ?? 0 };
    };
    return { stdout: range("stdout"), stderr: range("stderr"), control: range("control") };
  }

  resumeFrom(offsets: Readonly<Partial<Record<OutputStream, number>>>): void {
    if (this.attached) throw new GloveboxError("conflict", "output is being read already");
    for (const stream of STREAMS) {
      const offset = offsets[stream];
      const state = this.streams.get(stream);
      if (offset === undefined || (state === undefined && offset === 0)) continue;
      if (state === undefined || !Number.isSafeInteger(offset) || offset < state.acked || offset > state.to) {
        throw new GloveboxError("invalid_argument", `${stream} cannot be resumed from ${offset}`);
      }
      state.acked = offset;
      state.next = offset;
    }
  }

  async *output(signal?: AbortSignal): AsyncIterable<ProcessItem> {
    this.attach();
    for (;;) {
      const item = await this.queue.next(signal);
      if (item.kind === "limit") this.notices -= 1;
      yield item;
      if (item.kind === "exit") return;
    }
  }

  ack(stream: OutputStream, offset: number): void {
    const state = this.streams.get(stream);
    if (state === undefined || !Number.isSafeInteger(offset) || offset > state.next) {
      throw new GloveboxError("invalid_argument", `${stream} was not received up to ${offset}`);
    }
    if (offset <= state.acked || this.released) return;
    state.acked = offset;
    this.link.send(encodeOffsetFrame(FRAME.ACK, this.id, STREAM_NUMBERS[stream], offset));
  }

  write(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.stdinChannel.write(data, signal);
  }

  closeStdin(): Promise<void> {
    return this.stdinChannel.close();
  }

  get stdin(): SandboxProcess["stdin"] {
    return { given: this.stdinChannel.given, closed: this.stdinChannel.closed };
  }

  async writeControl(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.controlIn === undefined) throw new GloveboxError("invalid_argument", "the process has no control input");
    await this.controlIn.write(data, signal);
  }

  async signal(name: NodeJS.Signals, scope: SignalScope = "root"): Promise<void> {
    await this.link.signal(this.id, encodeSignal(name, scope));
  }

  async limit(limits: ProcessLimits): Promise<void> {
    this.link.send(encodeFrame(FRAME.LIMIT, this.id, encodeLimits(limits)));
  }

  async resize(rows: number, columns: number): Promise<void> {
    const payload = Buffer.alloc(4);
    payload.writeUInt16LE(rows, 0);
    payload.writeUInt16LE(columns, 2);
    this.link.send(encodeFrame(FRAME.RESIZE, this.id, payload));
  }

  /** From now on it is known by this, after an attach too, and is read as if it had just been spawned. */
  retag(tag: string): void {
    this.attach();
    this.tag = tag;
    this.link.send(encodeFrame(FRAME.TAG, this.id, encodeTag(tag)));
  }

  /** Before the exit: what still comes is dropped, and the process is forgotten once it ends. Idempotent. */
  release(): void {
    if (this.released) return;
    if (this.exited || (this.heldExit !== undefined && !this.attached)) {
      this.released = true;
      this.link.forget(this);
      return;
    }
    this.abandoned = true;
    this.attach();
    this.queue.clear();
    for (const [stream, state] of this.streams) this.ack(stream, state.next);
  }

  private attach(): void {
    if (this.attached) return;
    this.attached = true;
    const payload = Buffer.alloc(24);
    for (const [stream, state] of this.streams) {
      payload.writeBigUInt64LE(BigInt(state.next), 8 * (STREAM_NUMBERS[stream] - 1));
    }
    this.link.send(encodeFrame(FRAME.ATTACH, this.id, payload));
  }

  private stateOf(number: number): { stream: OutputStream; state: StreamState } {
    const stream = STREAM_NAMES[number];
    const state = stream === undefined ? undefined : this.streams.get(stream);
    if (stream === undefined || state === undefined || !this.attached || this.exited || state.eof) {
      throw new ProtocolViolation(`process ${this.id} has no open stream ${number}`);
    }
    return { stream, state };
  }

  /** A DATA frame. The credit bounds what an unread process may hold here. */
  onData(number: number, offset: number, data: Buffer): void {
    const { stream, state } = this.stateOf(number);
    if (offset !== state.next) throw new ProtocolViolation(`${stream} continues at ${offset} instead of ${state.next}`);
    if (data.length === 0) throw new ProtocolViolation("empty DATA");
    if (offset + data.length > state.acked + this.link.window)
      throw new ProtocolViolation(`${stream} exceeds its window`);
    state.next = offset + data.length;
    state.to = Math.max(state.to, state.next);
    if (this.abandoned) this.ack(stream, state.next);
    else this.queue.pushOutput(stream, offset, data);
  }

  onEof(number: number, end: number): void {
    const { stream, state } = this.stateOf(number);
    if (end !== state.next) throw new ProtocolViolation(`${stream} ends at ${end} instead of ${state.next}`);
    state.eof = true;
  }

  onAck(number: number, offset: number): void {
    const channel = number === 0 ? this.stdinChannel : number === 3 ? this.controlIn : undefined;
    if (channel === undefined) throw new ProtocolViolation(`process ${this.id} has no input stream ${number}`);
    channel.onAck(offset);
  }

  onNotice(notice: Notice): void {
    if (this.abandoned) return;
    this.notices += 1;
    if (this.exited || this.notices > MAX_UNREAD_NOTICES) throw new ProtocolViolation("too many notices");
    this.queue.push({ kind: "limit", limit: notice.limit, action: notice.action });
  }

  onExit(exit: ProcessExit): void {
    const open = [...this.streams.values()].some((state) => !state.eof);
    if (open || this.exited || !this.attached) throw new ProtocolViolation(`process ${this.id} cannot exit now`);
    this.exited = true;
    this.heldExit = exit;
    const error = new GloveboxError("conflict", "the process has ended");
    this.stdinChannel.fail(error);
    this.controlIn?.fail(error);
    if (this.abandoned) this.release();
    else this.queue.push({ kind: "exit", exit });
  }

  /** The connection is over. */
  fail(error: GloveboxError): void {
    this.stdinChannel.fail(error);
    this.controlIn?.fail(error);
    this.queue.fail(error);
  }
}
