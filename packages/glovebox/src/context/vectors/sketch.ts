import { type Rotation, rotationOf } from "./rotation.ts";

/** The steps that a query's entries are rounded to, less one: four bits. */
const QUERY_STEPS = 15;
const WORD_BITS = 64;
const PLANES = 4;

/**
 * What is kept of a vector of length 1 for a first pass: the signs of its rotated entries, a bit each, and two numbers that make an unbiased estimate of the cosine from them
 * (RaBitQ, Gao and Long, SIGMOD 2024). And the rotated entries as bytes, for a second pass whose error is below a hundredth.
 */
export interface Sketch {
  readonly bits: Uint32Array;
  readonly setBits: number;
  /** 1 / (the sketch's own cosine with its vector × √dimensions). */
  readonly factor: number;
  readonly bytes: Int8Array;
  /** What a byte's step stands for. */
  readonly step: number;
}

/** A query, made ready for comparing with sketches: entry = low + step × (its four bits). */
export interface SketchedQuery {
  readonly rotated: Float32Array;
  /** The bits of 64 entries by weight, one word after the other: ones, twos, fours, eights of word 0, then of word 1. */
  readonly planes: Uint32Array;
  readonly low: number;
  readonly step: number;
  readonly sum: number;
}

export class Sketcher {
  readonly dimensions: number;
  readonly paddedDimensions: number;
  readonly #rotation: Rotation;
  readonly #rotated: Float32Array;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rotation = rotationOf(dimensions);
    this.paddedDimensions = this.#rotation.paddedDimensions;
    this.#rotated = new Float32Array(this.paddedDimensions);
  }

  /** Of a vector of length 1, or of zeros. */
  sketch(vector: Float32Array): Sketch {
    const rotated = this.#rotated;
    this.#rotation.apply(vector, rotated);
    const size = rotated.length;
    const bits = new Uint32Array(size / 32);
    const bytes = new Int8Array(size);
    let setBits = 0;
    let sumOfSizes = 0;
    let largest = 0;
    for (let at = 0; at < size; at += 1) {
      const value = rotated[at] as number;
      if (value > 0) {
        bits[at >>> 5] = (bits[at >>> 5] as number) | (1 << (at & 31));
        setBits += 1;
      }
      const magnitude = Math.abs(value);
      sumOfSizes += magnitude;
      if (magnitude > largest) largest = magnitude;
    }
    const step = Math.fround(largest / 127);
    if (step > 0) for (let at = 0; at < size; at += 1) bytes[at] = Math.round((rotated[at] as number) / step);
    return { bits, setBits, factor: sumOfSizes > 0 ? Math.fround(1 / sumOfSizes) : 0, bytes, step };
  }

  query(vector: Float32Array): SketchedQuery {
    const rotated = new Float32Array(this.paddedDimensions);
    this.#rotation.apply(vector, rotated);
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (const value of rotated) {
      if (value < low) low = value;
      if (value > high) high = value;
      sum += value;
    }
    const step = (high - low) / QUERY_STEPS;
    const planes = new Uint32Array((rotated.length / 32) * PLANES);
    if (step > 0) {
      for (let at = 0; at < rotated.length; at += 1) {
        const steps = Math.round(((rotated[at] as number) - low) / step);
        const word = Math.floor(at / WORD_BITS) * PLANES * 2 + ((at >>> 5) & 1);
        for (let plane = 0; plane < PLANES; plane += 1) {
          const cell = word + plane * 2;
          if ((steps >>> plane) & 1) planes[cell] = (planes[cell] as number) | (1 << (at & 31));
        }
      }
    }
    return { rotated, planes, low, step, sum };
  }
}
