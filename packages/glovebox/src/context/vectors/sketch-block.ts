import type { Sketch } from "./sketch.ts";

const HEAD_BYTES = 12;

/**
 * Sketches as bytes, little-endian: first of each its head (factor and step as f32, bits that are set as u32) and its bits, then of each its bytes. So a block is in memory as it is on disk, and what the
 * first pass looks at lies close together.
 */
export interface SketchBlock {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Of a sketch's head and bits. */
export function codeBytesOf(paddedDimensions: number): number {
  return HEAD_BYTES + paddedDimensions / 8;
}

/** A block of one. */
export function encodeSketch({ bits, setBits, factor, bytes, step }: Sketch): Uint8Array {
  const block = new Uint8Array(HEAD_BYTES + bits.byteLength + bytes.byteLength);
  const view = new DataView(block.buffer);
  view.setFloat32(0, factor, true);
  view.setFloat32(4, step, true);
  view.setUint32(8, setBits, true);
  block.set(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), HEAD_BYTES);
  block.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), HEAD_BYTES + bits.byteLength);
  return block;
}

/** Makes one block of blocks of one. */
export function joinSketches(sketches: readonly Uint8Array[]): Uint8Array {
  const size = sketches[0]?.byteLength ?? 0;
  const codeBytes = codeBytesOf(paddedOf(size));
  const block = new Uint8Array(size * sketches.length);
  const rowsAt = codeBytes * sketches.length;
  for (const [at, sketch] of sketches.entries()) {
    block.set(sketch.subarray(0, codeBytes), at * codeBytes);
    block.set(sketch.subarray(codeBytes), rowsAt + at * (size - codeBytes));
  }
  return block;
}

/** Makes blocks of one of a block. */
export function splitSketches({ bytes, count }: SketchBlock): Uint8Array[] {
  const size = bytes.byteLength / count;
  const codeBytes = codeBytesOf(paddedOf(size));
  const rowsAt = codeBytes * count;
  const rowBytes = size - codeBytes;
  return Array.from({ length: count }, (_, at) => {
    const sketch = new Uint8Array(size);
    sketch.set(bytes.subarray(at * codeBytes, (at + 1) * codeBytes));
    sketch.set(bytes.subarray(rowsAt + at * rowBytes, rowsAt + (at + 1) * rowBytes), codeBytes);
    return sketch;
  });
}

/** The padded dimensions of a sketch of so many bytes: an eighth of them for the bits, and one each. */
function paddedOf(sketchBytes: number): number {
  return ((sketchBytes - HEAD_BYTES) * 8) / 9;
}
