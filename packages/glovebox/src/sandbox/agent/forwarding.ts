import { isIP } from "node:net";
import type { GloveboxError, SandboxConnection } from "../../core/index.ts";
import { ForwardedStream } from "./forwarded-stream.ts";
import { FRAME } from "./frame.ts";
import { PayloadReader } from "./payload-reader.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

/** What an agent forwards at the same time: its own bound. */
const MAX_CONNECTIONS = 256;
const MAX_NAME_BYTES = 253;
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/** The connections that an agent hands over. It is not believed: whatever does not fit is a {@link ProtocolViolation}. */
export class Forwarding {
  private readonly send: (frame: Buffer) => void;
  private readonly streams = new Map<number, ForwardedStream>();
  private accept: ((connection: SandboxConnection) => void) | undefined;
  private lastId = 0;

  constructor(send: (frame: Buffer) => void) {
    this.send = send;
  }

  /** Who takes connections from now on. */
  acceptWith(accept: (connection: SandboxConnection) => void): void {
    this.accept = accept;
  }

  onOpened(id: number, payload: Buffer): void {
    if (this.accept === undefined) throw new ProtocolViolation("a connection that nobody asked for");
    if (id <= this.lastId) throw new ProtocolViolation(`connection ${id} opened again`);
    if (this.streams.size >= MAX_CONNECTIONS) throw new ProtocolViolation("too many connections");
    const target = parseTarget(payload);
    this.lastId = id;
    const stream = new ForwardedStream(id, this.send);
    this.streams.set(id, stream);
    try {
      this.accept(target === undefined ? { stream } : { stream, target });
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** DATA, EOF and ACK of a connection. */
  onStream(type: number, id: number, payload: Buffer): void {
    const stream = this.streamOf(id);
    const reader = new PayloadReader(payload);
    const offset = reader.offset();
    if (type === FRAME.DATA) {
      stream.onData(offset, reader.rest());
      return;
    }
    reader.end();
    if (type === FRAME.EOF) stream.onEof(offset);
    else stream.onAck(offset);
  }

  onClosed(id: number, payload: Buffer): void {
    const reader = new PayloadReader(payload);
    const errno = reader.u32();
    reader.end();
    const stream = this.streamOf(id);
    this.streams.delete(id);
    stream.onClosed(errno);
  }

  /** The connection to the agent is over, and all of these with it. */
  fail(error: GloveboxError): void {
    const streams = [...this.streams.values()];
    this.streams.clear();
    this.accept = undefined;
    for (const stream of streams) stream.fail(error);
  }

  private streamOf(id: number): ForwardedStream {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new ProtocolViolation(`no connection ${id}`);
    return stream;
  }
}

/** OPENED's payload: where the program wanted to go; nothing when it came to the proxy. */
export function parseTarget(payload: Buffer): SandboxConnection["target"] {
  const reader = new PayloadReader(payload);
  const port = reader.u16();
  const length = reader.u16();
  const bytes = reader.rest();
  if (bytes.length !== length || length > MAX_NAME_BYTES) throw new ProtocolViolation("a target of another length");
  if (length === 0 && port === 0) return undefined;
  const host = bytes.toString("latin1");
  if (port === 0 || (isIP(host) === 0 && !NAME.test(host))) throw new ProtocolViolation("a target that is none");
  return { host, port };
}
