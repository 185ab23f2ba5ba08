import { ProtocolViolation } from "./protocol-violation.ts";

/** Reads a payload's fields one after the other; every step is bounded by what is there. */
export class PayloadReader {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.take(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  i32(): number {
    return this.bytes.readInt32LE(this.take(4));
  }

  u64(): bigint {
    return this.bytes.readBigUInt64LE(this.take(8));
  }

  /** A u64 that a JavaScript number holds exactly; offsets beyond 2^53 do not occur in honest sandboxes. */
  offset(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolViolation(`a number beyond 2^53: ${value}`);
    return Number(value);
  }

  /** A figure that is only shown: clamped instead of refused. */
  figure(): number {
    const value = this.u64();
    return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : value);
  }

  take(count: number): number {
    const start = this.at;
    if (this.bytes.length - start < count) throw new ProtocolViolation("a payload that is too short");
    this.at = start + count;
    return start;
  }

  rest(): Buffer {
    return this.bytes.subarray(this.take(this.bytes.length - this.at));
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.at !== this.bytes.length) throw new ProtocolViolation("a payload that is too long");
  }
}
