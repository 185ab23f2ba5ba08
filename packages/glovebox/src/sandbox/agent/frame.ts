import { STDIN_WINDOW_BYTES } from "../process.ts";

/** One frame of the agent protocol (docs/reference/agent-protocol.md). `payload` may share memory with what was received. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

export const FRAME = {
  HELLO: 1,
  HELLO_OK: 2,
  PROC: 3,
  READY: 4,
  ERROR: 5,
  ATTACH: 6,
  SPAWN: 16,
  SPAWNED: 17,
  SPAWN_FAILED: 18,
  DATA: 19,
  EOF: 20,
  ACK: 21,
  SIGNAL: 22,
  SIGNALLED: 23,
  LIMIT: 24,
  RESIZE: 25,
  FORGET: 26,
  STATS: 27,
  STATS_OK: 28,
  WATCH: 29,
  QUIESCE: 30,
  QUIESCED: 31,
  RESUME: 32,
  CLOCK: 33,
  PING: 34,
  PONG: 35,
  POWEROFF: 36,
  NOTICE: 37,
  EXIT: 38,
  LISTEN: 39,
  LISTENING: 40,
  OPENED: 41,
  CLOSED: 42,
  TAG: 43,
  RENEW: 44,
} as const;

export const HEADER_BYTES = 12;
/** The longest payload, either way. */
export const MAX_PAYLOAD_BYTES = 262_144;
/** The most data in one DATA frame. */
export const MAX_DATA_BYTES = 65_536;
/** Unacknowledged input that the agent holds per input stream. */
export const INPUT_WINDOW_BYTES = STDIN_WINDOW_BYTES;
/** The stream number of DATA, EOF and ACK of forwarded connections, whose ids are apart from those of processes. */
export const FORWARD_STREAM = 4;
/** Unacknowledged bytes of a forwarded connection, each way. */
export const FORWARD_WINDOW_BYTES = 32_768;

const EMPTY = Buffer.alloc(0);

/** Encodes one frame. Throws `RangeError` when the payload is too long. */
export function encodeFrame(type: number, id: number, payload: Uint8Array = EMPTY, flags = 0): Buffer {
  if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError(`payload of ${payload.length} bytes`);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeHeader(frame, type, id, payload.length, flags);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** A frame whose payload begins with an offset: DATA, EOF, ACK. */
export function encodeOffsetFrame(
  type: number,
  id: number,
  stream: number,
  offset: number,
  data: Uint8Array = EMPTY,
): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 8 + data.length);
  writeHeader(frame, type, id, 8 + data.length, stream);
  frame.writeBigUInt64LE(BigInt(offset), HEADER_BYTES);
  frame.set(data, HEADER_BYTES + 8);
  return frame;
}

function writeHeader(frame: Buffer, type: number, id: number, length: number, flags: number): void {
  frame.writeUInt32LE(length, 0);
  frame.writeUInt16LE(type, 4);
  frame.writeUInt16LE(flags, 6);
  frame.writeUInt32LE(id, 8);
}
