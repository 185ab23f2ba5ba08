import type { Socket } from "node:net";
import { GloveboxError, type SandboxConnection } from "../../core/index.ts";
import type { SandboxFiles } from "../files.ts";
import type { SandboxProcess } from "../process.ts";
import { AgentFiles } from "./agent-files.ts";
import { AgentProcess, type ProcessLink } from "./agent-process.ts";
import { appletOutput } from "./applet.ts";
import type { AgentConnection, AgentSpawn, AgentStats } from "./connection.ts";
import { errorOfErrno } from "./errno.ts";
import { Forwarding } from "./forwarding.ts";
import { encodeFrame, FORWARD_STREAM, FRAME, type Frame } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import {
  encodeClock,
  encodeHello,
  encodeRenew,
  encodeSpawn,
  type HeldProcess,
  type HelloOk,
  type Notice,
  parseExit,
  parseHelloOk,
  parseNotice,
  parseProc,
  SPAWN_FLAGS,
  type SpawnRequest,
} from "./messages.ts";
import { PayloadReader } from "./payload-reader.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** What an agent may claim to hold: its own bound. */
const MAX_PROCESSES = 1024;
const ESTALE = 116;

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: GloveboxError) => void;
}
type Phase =
  | { readonly kind: "greeting" }
  | { readonly kind: "listing"; readonly hello: HelloOk }
  | { readonly kind: "open"; readonly hello: HelloOk }
  | { readonly kind: "closed"; readonly error: GloveboxError };
export type ClosedBy = Awaited<AgentConnection["closed"]>;

/** The host's end of one connection: checks all that the agent says, and hands it to whom it concerns. */
export class AgentClient implements AgentConnection, ProcessLink {
  /** Resolves after the greeting. */
  readonly ready: Promise<void>;
  readonly closed: Promise<ClosedBy>;
  readonly files: SandboxFiles;
  readonly window: number;
  readonly attached: AgentProcess[] = [];
  private readonly epoch: bigint;
  private socket: Socket;
  private readonly decoder = new FrameDecoder();
  private readonly processes = new Map<number, AgentProcess>();
  private readonly spawning = new Map<number, Pending<AgentProcess> & { process: AgentProcess }>();
  private readonly signalling = new Map<number, Pending<void>[]>();
  private readonly pings: Pending<void>[] = [];
  private readonly statistics: Pending<AgentStats>[] = [];
  private readonly listens: Pending<void>[] = [];
  private readonly forwarding = new Forwarding((frame) => this.send(frame));
  private readonly noticeListeners: ((notice: Notice) => void)[] = [];
  private phase: Phase = { kind: "greeting" };
  private nextId = 1;
  private outbox: Buffer[] = [];
  /** Set from `suspend` to `resume`: resolves when the agent has fallen silent. */
  private suspension: PromiseWithResolvers<void> | undefined;
  private readonly becameReady = Promise.withResolvers<void>();
  private readonly becameClosed = Promise.withResolvers<ClosedBy>();

  constructor(socket: Socket, epoch: bigint, window = 262_144) {
    this.socket = socket;
    this.epoch = epoch;
    this.window = window;
    this.ready = this.becameReady.promise;
    this.closed = this.becameClosed.promise;
    this.ready.catch(() => {});
    this.files = new AgentFiles(this);
    this.listen(socket);
    this.send(encodeFrame(FRAME.HELLO, 0, encodeHello(epoch, window)));
  }

  get bootId(): bigint {
    return this.phase.kind === "open" || this.phase.kind === "listing" ? this.phase.hello.bootId : 0n;
  }

  spawn(spec: AgentSpawn, signal?: AbortSignal): Promise<SandboxProcess> {
    const flags =
      (spec.terminal === undefined ? 0 : SPAWN_FLAGS.terminal) |
      (spec.control ? SPAWN_FLAGS.control : 0) |
      (spec.stdin === "null" && spec.terminal === undefined ? SPAWN_FLAGS.stdinNull : 0);
    return this.start({ ...spec, flags }, signal);
  }

  /** Starts a program, or (with the flag `builtin`) an applet of the agent. */
  async start(request: SpawnRequest, signal?: AbortSignal): Promise<AgentProcess> {
    this.refuseWhenClosed();
    if (signal?.aborted) throw new GloveboxError("cancelled", "the start was cancelled", { cause: signal.reason });
    const payload = encodeSpawn(request);
    const id = this.nextId;
    this.nextId += 1;
    const process = new AgentProcess(this, id, freshProcess(request), true);
    this.processes.set(id, process);
    const started = Promise.withResolvers<AgentProcess>();
    this.spawning.set(id, { resolve: started.resolve, reject: started.reject, process });
    this.send(encodeFrame(FRAME.SPAWN, id, payload));
    if (signal === undefined) return started.promise;
    const abort = () => {
      started.reject(new GloveboxError("cancelled", "the start was cancelled", { cause: signal.reason }));
      process.signal("SIGKILL", "tree").catch(() => {});
      process.release();
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await started.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  stats(signal?: AbortSignal): Promise<AgentStats> {
    return this.request(this.statistics, encodeFrame(FRAME.STATS, 0), signal);
  }

  async watch(limits: Parameters<AgentConnection["watch"]>[0]): Promise<void> {
    const payload = Buffer.alloc(24);
    payload.writeBigUInt64LE(BigInt(Math.max(0, Math.round(limits.memoryBytes ?? 0))), 0);
    payload.writeBigUInt64LE(BigInt(Math.max(0, Math.round(limits.diskBytes ?? 0))), 8);
    payload.writeUInt32LE(limits.pids ?? 0, 16);
    payload.writeUInt32LE(limits.intervalMs ?? 0, 20);
    this.send(encodeFrame(FRAME.WATCH, 0, payload));
    await this.ping();
  }

  ping(signal?: AbortSignal): Promise<void> {
    return this.request(this.pings, encodeFrame(FRAME.PING, 0, Buffer.alloc(8)), signal);
  }

  async forward(accept: (connection: SandboxConnection) => void): Promise<void> {
    this.refuseWhenClosed();
    if (this.phase.kind !== "open" || !this.phase.hello.forwards) {
      throw new GloveboxError("not_supported_by_isolation", "the agent has no sockets to forward");
    }
    this.forwarding.acceptWith(accept);
    await this.request(this.listens, encodeFrame(FRAME.LISTEN, 0));
  }

  async renew(names: Parameters<AgentConnection["renew"]>[0]): Promise<void> {
    this.refuseWhenClosed();
    if (this.phase.kind !== "open" || !this.phase.hello.renews) {
      throw new GloveboxError("not_supported_by_isolation", "the agent is not that of a machine");
    }
    await this.request(this.pings, encodeFrame(FRAME.RENEW, 0, encodeRenew(names)));
  }

  async setClock(nowMs?: number): Promise<void> {
    this.send(encodeFrame(FRAME.CLOCK, 0, encodeClock(nowMs)));
    await this.ping();
  }

  retag(process: SandboxProcess, tag: string): void {
    const known = this.processes.get(process.id);
    if (known !== process) throw new GloveboxError("invalid_argument", "the process is another connection's");
    known.retag(tag);
  }

  async writeAsAgent(path: string, data: Uint8Array): Promise<void> {
    await appletOutput(this, { argv: ["write", "", "644", path], input: data, asAgent: true });
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.noticeListeners.push(listener);
  }

  async powerOff(): Promise<void> {
    this.send(encodeFrame(FRAME.POWEROFF, 0));
    await this.closed;
  }

  async close(): Promise<void> {
    this.flush();
    this.socket.end();
    this.end({ by: "host" });
    await this.closed;
  }

  async suspend(): Promise<void> {
    this.refuseWhenClosed();
    if (this.suspension) throw new GloveboxError("conflict", "The connection is suspended already");
    this.send(encodeFrame(FRAME.QUIESCE, 0));
    this.flush();
    this.suspension = Promise.withResolvers<void>();
    this.suspension.promise.catch(() => {});
    await this.suspension.promise;
    const { socket } = this;
    socket.removeAllListeners();
    const gone = new Promise<void>((resolve) => socket.on("error", () => {}).once("close", () => resolve()));
    // The agent closes its end when it sees ours.
    socket.resume().end();
    await gone;
  }

  resume(socket: Socket): void {
    if (!this.suspension || this.phase.kind === "closed") {
      socket.destroy();
      return;
    }
    const waited = this.outbox;
    this.suspension = undefined;
    this.socket = socket;
    this.listen(socket);
    const epoch = Buffer.alloc(8);
    epoch.writeBigUInt64LE(this.epoch);
    this.outbox = [encodeFrame(FRAME.RESUME, 0, epoch), ...waited];
    this.flush();
  }

  private listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("error", (error) => this.end({ by: "agent", message: error.message }));
    socket.on("close", () => this.end({ by: "agent" }));
  }

  /** Gives up on a greeting that takes too long. */
  abandon(error: GloveboxError): void {
    this.becameReady.reject(error);
    this.end({ by: "host", message: error.message });
  }

  /** Frames of one turn of the event loop leave in one write. */
  send(frame: Buffer): void {
    if (this.phase.kind === "closed") return;
    this.outbox.push(frame);
    if (this.outbox.length === 1) process.nextTick(() => this.flush());
  }

  signal(id: number, payload: Buffer): Promise<void> {
    const queue = this.signalling.get(id) ?? [];
    this.signalling.set(id, queue);
    return this.request(queue, encodeFrame(FRAME.SIGNAL, id, payload));
  }

  forget(process: AgentProcess): void {
    this.processes.delete(process.id);
    this.send(encodeFrame(FRAME.FORGET, process.id));
  }

  private flush(): void {
    // What is asked of a suspended agent waits.
    if (this.suspension) return;
    const frames = this.outbox;
    this.outbox = [];
    if (frames.length === 0 || this.phase.kind === "closed") return;
    const [only] = frames;
    this.socket.write(frames.length === 1 && only !== undefined ? only : Buffer.concat(frames));
  }

  private refuseWhenClosed(): void {
    if (this.phase.kind === "closed") throw this.phase.error;
  }

  /** Sends a question whose answers come in the order of the questions. */
  private async request<T>(queue: Pending<T>[], frame: Buffer, signal?: AbortSignal): Promise<T> {
    this.refuseWhenClosed();
    const answer = Promise.withResolvers<T>();
    queue.push({ resolve: answer.resolve, reject: answer.reject });
    this.send(frame);
    if (signal === undefined) return answer.promise;
    const abort = () => answer.reject(new GloveboxError("cancelled", "cancelled", { cause: signal.reason }));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  private receive(chunk: Buffer): void {
    try {
      for (const frame of this.decoder.push(chunk)) {
        if (this.phase.kind === "closed") return;
        if (this.phase.kind === "open") this.dispatch(frame);
        else this.greet(frame, this.phase);
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.end({ by: "protocol", message: error.message });
    }
  }

  private greet(frame: Frame, phase: Exclude<Phase, { kind: "open" | "closed" }>): void {
    const { type, id, flags, payload } = frame;
    if (flags !== 0) throw new ProtocolViolation(`flags ${flags} in the greeting`);
    if (type === FRAME.ERROR) {
      this.refused(payload);
    } else if (phase.kind === "greeting" && type === FRAME.HELLO_OK) {
      const hello = parseHelloOk(payload);
      if (hello.epoch !== this.epoch || hello.processes > MAX_PROCESSES)
        throw new ProtocolViolation("a wrong greeting");
      this.phase = { kind: "listing", hello };
    } else if (phase.kind === "listing" && type === FRAME.PROC) {
      if (id === 0 || this.processes.has(id) || this.processes.size >= phase.hello.processes) {
        throw new ProtocolViolation(`process ${id} announced`);
      }
      const held = new AgentProcess(this, id, parseProc(payload), false);
      this.processes.set(id, held);
      this.nextId = Math.max(this.nextId, id + 1);
    } else if (phase.kind === "listing" && type === FRAME.READY && this.processes.size === phase.hello.processes) {
      this.open(phase.hello);
    } else {
      throw new ProtocolViolation(`a frame of type ${type} in the greeting`);
    }
  }

  private open(hello: HelloOk): void {
    this.phase = { kind: "open", hello };
    for (const held of [...this.processes.values()].sort((a, b) => a.id - b.id)) {
      if (held.builtin) this.dropOldApplet(held);
      else this.attached.push(held);
    }
    this.becameReady.resolve();
  }

  /** Nobody waits any more for the applets of the connection before. */
  private dropOldApplet(held: AgentProcess): void {
    if (held.pid !== 0) held.signal("SIGTERM").catch(() => {});
    held.release();
  }

  private refused(payload: Buffer): void {
    const reader = new PayloadReader(payload);
    const code = reader.u32();
    const text = reader.rest().subarray(0, 200).toString();
    this.abandon(new GloveboxError(code === ESTALE ? "conflict" : "internal", `the agent refuses: ${text}`));
  }

  private processOf(id: number): AgentProcess {
    const process = this.processes.get(id);
    if (process === undefined) throw new ProtocolViolation(`no process ${id}`);
    return process;
  }

  private dispatch({ type, flags, id, payload }: Frame): void {
    const reader = new PayloadReader(payload);
    const streamed = type === FRAME.DATA || type === FRAME.EOF || type === FRAME.ACK;
    if (!streamed && flags !== 0) throw new ProtocolViolation(`flags ${flags} on type ${type}`);
    if (streamed && flags === FORWARD_STREAM) {
      this.forwarding.onStream(type, id, payload);
      return;
    }
    switch (type) {
      case FRAME.OPENED:
        this.forwarding.onOpened(id, payload);
        break;
      case FRAME.CLOSED:
        this.forwarding.onClosed(id, payload);
        break;
      case FRAME.QUIESCED:
        if (!this.suspension || payload.length > 0) throw new ProtocolViolation("quiet without being asked");
        this.suspension.resolve();
        break;
      case FRAME.LISTENING:
        reader.u32();
        reader.end();
        next(this.listens).resolve();
        break;
      case FRAME.DATA:
        this.processOf(id).onData(flags, reader.offset(), reader.rest());
        break;
      case FRAME.EOF:
        this.processOf(id).onEof(flags, onlyOffset(reader));
        break;
      case FRAME.ACK:
        // Input that was under way when the process ended is acknowledged too, and may cross our FORGET.
        if (id > 0 && id < this.nextId && !this.processes.has(id)) break;
        this.processOf(id).onAck(flags, onlyOffset(reader));
        break;
      case FRAME.EXIT:
        this.processOf(id).onExit(parseExit(payload));
        break;
      case FRAME.NOTICE:
        this.notice(id, parseNotice(payload));
        break;
      case FRAME.SPAWNED:
      case FRAME.SPAWN_FAILED:
        this.onSpawn(type, id, reader);
        break;
      case FRAME.SIGNALLED:
        this.onSignalled(id, reader);
        break;
      case FRAME.STATS_OK:
        next(this.statistics).resolve(parseStats(reader));
        break;
      case FRAME.PONG:
        if (reader.u64() !== 0n) throw new ProtocolViolation("a wrong PONG");
        reader.end();
        next(this.pings).resolve();
        break;
      case FRAME.ERROR:
        throw new ProtocolViolation(`the agent complains: ${payload.subarray(4, 204).toString()}`);
      default:
        throw new ProtocolViolation(`a frame of type ${type}`);
    }
  }

  private notice(id: number, notice: Notice): void {
    if (id !== 0) this.processOf(id).onNotice(notice);
    else for (const listener of this.noticeListeners) listener(notice);
  }

  private onSpawn(type: number, id: number, reader: PayloadReader): void {
    const pending = this.spawning.get(id);
    if (pending === undefined) throw new ProtocolViolation(`an answer about ${id}, which is not being started`);
    this.spawning.delete(id);
    const value = reader.u32();
    if (type === FRAME.SPAWNED) {
      reader.end();
      pending.process.pid = value;
      pending.resolve(pending.process);
      return;
    }
    this.processes.delete(id);
    pending.reject(errorOfErrno(value, `cannot start: ${reader.rest().subarray(0, 200).toString()}`));
  }

  private onSignalled(id: number, reader: PayloadReader): void {
    const errno = reader.u32();
    reader.u32();
    reader.end();
    const queue = this.signalling.get(id) ?? [];
    const pending = next(queue);
    if (queue.length === 0) this.signalling.delete(id);
    // Who is gone needs no signal any more.
    if (errno === 0 || errno === 3) pending.resolve();
    else pending.reject(errorOfErrno(errno, "the signal was not delivered"));
  }

  private end(by: ClosedBy): void {
    if (this.phase.kind === "closed") return;
    const error = new GloveboxError("unavailable", `the connection to the agent is over (${by.message ?? by.by})`);
    this.phase = { kind: "closed", error };
    this.outbox = [];
    if (by.by !== "host") this.socket.destroy();
    else this.socket.destroySoon();
    this.becameReady.reject(error);
    this.suspension?.reject(error);
    const waiting = [
      ...this.spawning.values(),
      ...this.pings,
      ...this.statistics,
      ...this.listens,
      ...this.signalling.values(),
    ].flat();
    for (const pending of waiting) pending.reject(error);
    for (const process of this.processes.values()) process.fail(error);
    this.forwarding.fail(error);
    this.becameClosed.resolve(by);
  }
}

function next<T>(queue: Pending<T>[]): Pending<T> {
  const pending = queue.shift();
  if (pending === undefined) throw new ProtocolViolation("an answer to no question");
  return pending;
}

function onlyOffset(reader: PayloadReader): number {
  const offset = reader.offset();
  reader.end();
  return offset;
}

function parseStats(reader: PayloadReader): AgentStats {
  const memoryBytes = reader.figure();
  const cpuMs = reader.figure() / 1000;
  const pids = reader.u32();
  reader.u32();
  const stats = { memoryBytes, cpuMs, pids, diskBytes: reader.figure(), oomKills: reader.figure() };
  reader.end();
  return stats;
}

function freshProcess(request: SpawnRequest): HeldProcess {
  const stream = { acked: 0, end: 0, eof: false };
  return {
    pid: 0,
    terminal: (request.flags & SPAWN_FLAGS.terminal) !== 0,
    control: (request.flags & SPAWN_FLAGS.control) !== 0,
    builtin: (request.flags & SPAWN_FLAGS.builtin) !== 0,
    stdinClosed: (request.flags & SPAWN_FLAGS.stdinNull) !== 0,
    streams: { stdout: stream, stderr: stream, control: stream },
    received: { stdin: 0, control: 0 },
    exit: undefined,
    tag: request.tag ?? "",
  };
}
