import type { Sketch } from "./sketch.ts";

const HEAD_BYTES = 12;

/** A sketch as bytes, little-endian: factor and step (f32), bits that are set (u32), the bits, the bytes. */
export function encodeSketch({ bits, setBits, factor, bytes, step }: Sketch): Uint8Array {
  const record = new Uint8Array(HEAD_BYTES + bits.byteLength + bytes.byteLength);
  const view = new DataView(record.buffer);
  view.setFloat32(0, factor, true);
  view.setFloat32(4, step, true);
  view.setUint32(8, setBits, true);
  record.set(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength), HEAD_BYTES);
  record.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), HEAD_BYTES + bits.byteLength);
  return record;
}

/** `RangeError` when it is not one of that many dimensions (whole words of 64). */
export function decodeSketch(record: Uint8Array, paddedDimensions: number): Sketch {
  const bitsBytes = paddedDimensions / 8;
  if (record.byteLength !== HEAD_BYTES + bitsBytes + paddedDimensions)
    throw new RangeError("not a sketch of these dimensions");
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  // Copied, since what comes out of a database may begin at an odd address. `slice` of a Buffer, which SQLite gives, copies nothing.
  const bits = new Uint32Array(new Uint8Array(record.subarray(HEAD_BYTES, HEAD_BYTES + bitsBytes)).buffer);
  const bytes = new Int8Array(record.buffer, record.byteOffset + HEAD_BYTES + bitsBytes, paddedDimensions);
  return {
    factor: view.getFloat32(0, true),
    step: view.getFloat32(4, true),
    setBits: view.getUint32(8, true),
    bits,
    bytes,
  };
}
