import { GloveboxError } from "../../core/index.ts";

const MAGIC = 0x184c2102;
/** What one block of the legacy format holds when unpacked, at most. */
const BLOCK_BYTES = 8 << 20;

/**
 * Unpacks the legacy LZ4 format, in which Debian's kernels are packed: a magic number, then blocks with their lengths before them
 * (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>, "Legacy frame"). Errors: `invalid_argument`.
 */
export function unpackLz4(packed: Buffer): Buffer {
  if (packed.length < 4 || packed.readUInt32LE(0) !== MAGIC) throw broken("no LZ4 data");
  const blocks: Buffer[] = [];
  for (let at = 4; at + 4 <= packed.length; ) {
    const length = packed.readUInt32LE(at);
    // What follows the last block (the kernel's length) is no block.
    if (length === 0 || length > packed.length - at - 4) break;
    blocks.push(unpackBlock(packed.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

/** One block: sequences of literals and of copies from what was unpacked before. */
function unpackBlock(source: Buffer): Buffer {
  const out = Buffer.allocUnsafe(BLOCK_BYTES);
  let from = 0;
  let to = 0;
  const lengthAfter = (nibble: number) => {
    let length = nibble;
    if (nibble === 15) for (let more = 255; more === 255; length += more) more = source[from++] ?? 0;
    return length;
  };
  while (from < source.length) {
    const token = source[from++] ?? 0;
    const literals = lengthAfter(token >> 4);
    if (from + literals > source.length || to + literals > BLOCK_BYTES) throw broken("an LZ4 block runs over its end");
    source.copy(out, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= source.length) break;
    const distance = source.readUInt16LE(from);
    from += 2;
    const length = lengthAfter(token & 15) + 4;
    if (distance === 0 || distance > to || to + length > BLOCK_BYTES) throw broken("an LZ4 copy from nowhere");
    if (distance >= length) out.copyWithin(to, to - distance, to - distance + length);
    else for (let i = 0; i < length; i++) out[to + i] = out[to + i - distance] ?? 0;
    to += length;
  }
  return out.subarray(0, to);
}

function broken(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}
