import { type Rotation, rotationOf } from "./rotation.ts";

/** What entries are rounded to: a sketch's to 127 steps on either side of 0, a query's to as many as 16 bits have. No sum of products of the two, by halves of a byte, leaves 32 bits with 4,096 entries. */
const SKETCH_STEPS = 127;
const QUERY_STEPS = 32_767;

/** What is kept in memory of a vector of length 1: its rotated entries as bytes. A cosine of them is wrong by less than 0.01, hardly ever by more than 0.001. */
export interface Sketch {
  readonly bytes: Int8Array;
  /** What a byte's step stands for. */
  readonly step: number;
}

/** A query, made ready for comparing with sketches. */
export interface SketchedQuery {
  readonly entries: Int16Array;
  readonly step: number;
  /** Of the entries. */
  readonly sum: number;
}

export class Sketcher {
  /** Entries of a sketch: the dimensions, rounded up to a multiple of 64. */
  readonly paddedDimensions: number;
  readonly #rotation: Rotation;
  readonly #rotated: Float32Array;

  constructor(dimensions: number) {
    this.#rotation = rotationOf(dimensions);
    this.paddedDimensions = this.#rotation.paddedDimensions;
    this.#rotated = new Float32Array(this.paddedDimensions);
  }

  /** Of a vector of length 1, or of zeros. */
  sketch(vector: Float32Array): Sketch {
    const step = Math.fround(this.#rotate(vector) / SKETCH_STEPS);
    const bytes = new Int8Array(this.paddedDimensions);
    if (step > 0) {
      for (let at = 0; at < bytes.length; at += 1) bytes[at] = Math.round((this.#rotated[at] as number) / step);
    }
    return { bytes, step };
  }

  query(vector: Float32Array): SketchedQuery {
    const step = this.#rotate(vector) / QUERY_STEPS || 1;
    const entries = new Int16Array(this.paddedDimensions);
    let sum = 0;
    for (let at = 0; at < entries.length; at += 1) {
      const entry = Math.round((this.#rotated[at] as number) / step);
      entries[at] = entry;
      sum += entry;
    }
    return { entries, step, sum };
  }

  /** How large the largest entry is. */
  #rotate(vector: Float32Array): number {
    this.#rotation.apply(vector, this.#rotated);
    let largest = 0;
    for (const value of this.#rotated) largest = Math.max(largest, Math.abs(value));
    return largest;
  }
}
