import type { Sketch } from "./sketch.ts";

const STEP_BYTES = 4;

/** Sketches as bytes: first the steps of all (f32, little-endian), then the bytes of all. */
export interface SketchBlock {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** Of a block. */
export function blockBytes(paddedDimensions: number, count: number): number {
  return count * (STEP_BYTES + paddedDimensions);
}

/** A block of one. */
export function encodeSketch({ bytes, step }: Sketch): Uint8Array {
  const block = new Uint8Array(STEP_BYTES + bytes.byteLength);
  new DataView(block.buffer).setFloat32(0, step, true);
  block.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), STEP_BYTES);
  return block;
}

/** What a block has: each sketch's step, and their bytes one after the other. */
export function decodeSketches({ bytes, count }: SketchBlock): {
  readonly steps: Float32Array;
  readonly rows: Uint8Array;
} {
  const rowsAt = count * STEP_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, rowsAt);
  return {
    steps: Float32Array.from({ length: count }, (_, at) => view.getFloat32(at * STEP_BYTES, true)),
    rows: bytes.subarray(rowsAt),
  };
}

/** Makes one block of blocks of one. */
export function joinSketches(sketches: readonly Uint8Array[]): Uint8Array {
  const size = sketches[0]?.byteLength ?? 0;
  const block = new Uint8Array(size * sketches.length);
  const rowsAt = STEP_BYTES * sketches.length;
  for (const [at, sketch] of sketches.entries()) {
    block.set(sketch.subarray(0, STEP_BYTES), at * STEP_BYTES);
    block.set(sketch.subarray(STEP_BYTES), rowsAt + at * (size - STEP_BYTES));
  }
  return block;
}

/** Makes blocks of one of a block. */
export function splitSketches({ bytes, count }: SketchBlock): Uint8Array[] {
  const rowsAt = STEP_BYTES * count;
  const rowBytes = bytes.byteLength / count - STEP_BYTES;
  return Array.from({ length: count }, (_, at) => {
    const sketch = new Uint8Array(STEP_BYTES + rowBytes);
    sketch.set(bytes.subarray(at * STEP_BYTES, (at + 1) * STEP_BYTES));
    sketch.set(bytes.subarray(rowsAt + at * rowBytes, rowsAt + (at + 1) * rowBytes), STEP_BYTES);
    return sketch;
  });
}
