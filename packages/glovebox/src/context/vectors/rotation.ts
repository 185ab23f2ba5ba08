/** Rounds of signs, transforms and shuffle. One spreads a vector over its block, the next over all blocks. */
const ROUNDS = 2;
/** The sketch's unit: one 64-bit word. */
const WORD_BITS = 64;

/** A fixed pseudo-random rotation of vectors: the same in every process, since what is on disk depends on it. */
export interface Rotation {
  /** Of the rotated vectors: `dimensions`, rounded up to whole words of 64. */
  readonly paddedDimensions: number;
  /** Rotates `vector` into `out`, which has {@link paddedDimensions} entries. Lengths and angles stay as they are. */
  apply(vector: Float32Array, out: Float32Array): void;
}

/**
 * Rotates by random signs, Walsh-Hadamard transforms of blocks whose sizes are powers of two, and a shuffle, several times over. That costs n log n instead of the n² of a
 * random matrix. Why rotate: the signs of a rotated vector's entries say equally much, wherever the vector had its weight (RaBitQ, Gao and Long, SIGMOD 2024).
 */
export function rotationOf(dimensions: number): Rotation {
  const size = Math.ceil(dimensions / WORD_BITS) * WORD_BITS;
  const blocks = powersOfTwo(size);
  const random = generator(size);
  const signs = Array.from({ length: ROUNDS }, () =>
    Float32Array.from({ length: size }, () => (random() < 0.5 ? -1 : 1)),
  );
  const shuffles = Array.from({ length: ROUNDS }, () => shuffled(size, random));
  const scratch = new Float32Array(size);
  return {
    paddedDimensions: size,
    apply(vector, out) {
      out.fill(0);
      out.set(vector);
      for (let round = 0; round < ROUNDS; round += 1) {
        flip(out, signs[round] as Float32Array);
        let from = 0;
        for (const block of blocks) {
          transform(out, from, block);
          from += block;
        }
        shuffle(out, shuffles[round] as Uint32Array, scratch);
      }
    },
  };
}

/** 384 → 256, 128. */
function powersOfTwo(size: number): number[] {
  const blocks: number[] = [];
  let rest = size;
  while (rest > 0) {
    const block = 2 ** Math.floor(Math.log2(rest));
    blocks.push(block);
    rest -= block;
  }
  return blocks;
}

function flip(values: Float32Array, signs: Float32Array): void {
  for (let at = 0; at < values.length; at += 1) values[at] = (values[at] as number) * (signs[at] as number);
}

/** The orthonormal Walsh-Hadamard transform, in place. */
function transform(values: Float32Array, from: number, size: number): void {
  for (let half = 1; half < size; half *= 2) {
    for (let start = from; start < from + size; start += 2 * half) {
      for (let at = start; at < start + half; at += 1) {
        const a = values[at] as number;
        const b = values[at + half] as number;
        values[at] = a + b;
        values[at + half] = a - b;
      }
    }
  }
  const scale = 1 / Math.sqrt(size);
  for (let at = from; at < from + size; at += 1) values[at] = (values[at] as number) * scale;
}

function shuffle(values: Float32Array, order: Uint32Array, scratch: Float32Array): void {
  for (let at = 0; at < order.length; at += 1) scratch[at] = values[order[at] as number] as number;
  values.set(scratch);
}

function shuffled(size: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, at) => at);
  for (let at = size - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    const kept = order[at] as number;
    order[at] = order[other] as number;
    order[other] = kept;
  }
  return order;
}

/** Numbers from 0 to below 1 by mulberry32 (Tommy Ettinger, public domain): they have to be the same for ever, not to be unforeseeable. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
