import { FRAME, type Frame, HEADER_BYTES, MAX_DATA_BYTES, MAX_PAYLOAD_BYTES } from "./frame.ts";
import { ProtocolViolation } from "./protocol-violation.ts";

const EMPTY = Buffer.alloc(0);
/** Tiny pieces are joined once there are this many, so that one byte at a time costs no object each for long. */
const MAX_PIECES = 32;

/**
 * Cuts a byte stream into frames. Holds at most one incomplete frame, and only bytes that really came: what a header
 * promises is never allocated.
 */
export class FrameDecoder {
  private pieces: Buffer[] = [];
  private held = 0;
  private needed = HEADER_BYTES;

  /** The frames that `chunk` completes, in order. Throws {@link ProtocolViolation}. */
  *push(chunk: Buffer): Generator<Frame, void, undefined> {
    let rest = chunk;
    if (this.held > 0) {
      this.pieces.push(chunk);
      this.held += chunk.length;
      if (this.pieces.length >= MAX_PIECES) this.pieces = [Buffer.concat(this.pieces, this.held)];
      if (this.held < this.needed) return;
      rest = Buffer.concat(this.pieces, this.held);
    }
    this.hold(EMPTY, HEADER_BYTES);
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const length = checkedLength(rest, at);
      const end = at + HEADER_BYTES + length;
      if (end > rest.length) {
        this.hold(rest.subarray(at), HEADER_BYTES + length);
        return;
      }
      yield {
        type: rest.readUInt16LE(at + 4),
        flags: rest.readUInt16LE(at + 6),
        id: rest.readUInt32LE(at + 8),
        payload: rest.subarray(at + HEADER_BYTES, end),
      };
      at = end;
    }
    this.hold(rest.subarray(at), HEADER_BYTES);
  }

  private hold(piece: Buffer, needed: number): void {
    this.pieces = piece.length > 0 ? [piece] : [];
    this.held = piece.length;
    this.needed = needed;
  }
}

/** The length in the header at `at`, once it is one that a frame of its type may have. */
function checkedLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32LE(at);
  const type = bytes.readUInt16LE(at + 4);
  const most = type === FRAME.DATA ? MAX_DATA_BYTES + 8 : MAX_PAYLOAD_BYTES;
  if (length > most) throw new ProtocolViolation(`a frame of ${length} bytes (type ${type})`);
  return length;
}
