import { type Kernel, makeKernel } from "./kernel.ts";
import { type SketchedQuery, Sketcher } from "./sketch.ts";
import { codeBytesOf, type SketchBlock } from "./sketch-block.ts";

/** Sketches that one call of the kernel compares. */
const BLOCK = 16_384;
const PAGE_BYTES = 65_536;
const CACHE_LINE = 64;
/** The first pass' estimates are counted in so many classes, to find the best without sorting all: as the kernel does. */
const CLASSES = 4_096;
/** In the kernel's memory: the query's planes, its entries, the addresses that the kernel is to look at, what it answers, its classes, and then the blocks of sketches. */
const QUERY_AT = 4_096;
const ADDRESSES_AT = 16_384;
const OUT_AT = ADDRESSES_AT + BLOCK * 4;
const CLASSES_AT = OUT_AT + BLOCK * 4;
const BLOCKS_AT = CLASSES_AT + CLASSES * 4;

/**
 * The second pass looks at this many for each root of those that may be found, and at so many times as many as are wanted: one costs as much as ten estimates, since it lies somewhere in memory. Of 100,000
 * texts by the built-in embedder 5,000 hold 97 % of the true ten nearest, of 25,000 of them 2,500 hold 98 %.
 */
const CANDIDATES_PER_ROOT = 16;
const OVERSAMPLING = 10;

/** Of a vector: what the layout of the kernel's memory has room for; common embedders give 384 to 3,072. */
export const MAX_DIMENSIONS = 4_096;

export interface DenseHit {
  readonly slot: number;
  /** The cosine, but for rounding (below 0.01). */
  readonly score: number;
}

/**
 * Vectors of length 1 in memory, found by cosine. Every query looks at all that it may find: first at a bit per entry, then at a byte per entry of the most promising. So vectors
 * can be added at any time at the same price, and any of them can be left out of a search, which makes it cheaper, and which graphs of neighbours do badly.
 */
export class SketchIndex {
  readonly #sketcher: Sketcher;
  readonly #kernel: Kernel = makeKernel();
  readonly #rowBytes: number;
  readonly #codeBytes: number;
  /** From a code to the next: whole lines of the processor's cache, since every line that is touched is waited for. */
  readonly #codeStride: number;
  #blocks = 0;
  #size = 0;
  /** What a byte's step stands for, of each: beside one another, since the heads lie far apart. */
  #steps = new Float32Array(BLOCK);
  /** Of the search that goes on. */
  #estimates = new Float32Array(0);

  /** `dimensions`: 1 to {@link MAX_DIMENSIONS}. */
  constructor(dimensions: number) {
    this.#sketcher = new Sketcher(dimensions);
    this.#rowBytes = this.#sketcher.paddedDimensions;
    this.#codeBytes = codeBytesOf(this.#rowBytes);
    this.#codeStride = Math.ceil(this.#codeBytes / CACHE_LINE) * CACHE_LINE;
  }

  /** How many vectors there are; the next one's slot. */
  get size(): number {
    return this.#size;
  }

  /** `RangeError` when they are not of these dimensions. */
  add({ bytes, count }: SketchBlock): void {
    if (bytes.byteLength !== count * (this.#codeBytes + this.#rowBytes))
      throw new RangeError("not sketches of these dimensions");
    const rows = bytes.subarray(count * this.#codeBytes);
    for (let from = 0; from < count; ) {
      if (this.#size === this.#blocks * BLOCK) this.#addBlock();
      const until = Math.min(count, from + this.#blocks * BLOCK - this.#size);
      const memory = new Uint8Array(this.#kernel.memory.buffer);
      for (let at = from; at < until; at += 1) {
        const code = bytes.subarray(at * this.#codeBytes, (at + 1) * this.#codeBytes);
        memory.set(code, this.#codeAt(this.#size + at - from));
      }
      memory.set(rows.subarray(from * this.#rowBytes, until * this.#rowBytes), this.#rowAt(this.#size));
      const heads = new Float32Array(this.#kernel.memory.buffer);
      for (let at = this.#size; at < this.#size + until - from; at += 1)
        this.#steps[at] = heads[this.#codeAt(at) / 4 + 1] as number;
      this.#size += until - from;
      from = until;
    }
  }

  /** The `count` nearest of the slots that are given, in rising order, best first; equal ones by slot. */
  search(vector: Float32Array, count: number, slots: Uint32Array): DenseHit[] {
    const query = this.#sketcher.query(vector);
    const wanted = Math.max(count * OVERSAMPLING, CANDIDATES_PER_ROOT * Math.sqrt(slots.length));
    const bar = this.#estimate(query, slots, wanted);
    const candidates: number[] = [];
    for (let at = 0; at < slots.length; at += 1) {
      if ((this.#estimates[at] as number) >= bar) candidates.push(slots[at] as number);
    }
    return this.#best(candidates, query, count);
  }

  /** Estimates the cosines, and tells above what the `wanted` best lie. */
  #estimate({ planes, low, step, sum }: SketchedQuery, slots: Uint32Array, wanted: number): number {
    const { buffer } = this.#kernel.memory;
    new Uint32Array(buffer, 0, planes.length).set(planes);
    const addresses = new Uint32Array(buffer, ADDRESSES_AT, BLOCK);
    const out = new Float32Array(buffer, OUT_AT, BLOCK);
    const classes = new Uint32Array(buffer, CLASSES_AT, CLASSES).fill(0);
    const words = this.#rowBytes / 64;
    if (this.#estimates.length < slots.length) this.#estimates = new Float32Array(slots.length * 2);
    for (let from = 0; from < slots.length; from += BLOCK) {
      const count = Math.min(BLOCK, slots.length - from);
      for (let at = 0; at < count; at += 1) addresses[at] = this.#codeAt(slots[from + at] as number);
      this.#kernel.estimate(ADDRESSES_AT, count, words, 0, low, step, sum, OUT_AT, CLASSES_AT);
      this.#estimates.set(count === BLOCK ? out : out.subarray(0, count), from);
    }
    return barFor(classes, wanted);
  }

  /** Of slots in rising order, so that of equal ones the first stays first. */
  #best(slots: readonly number[], { rotated }: SketchedQuery, count: number): DenseHit[] {
    const { buffer } = this.#kernel.memory;
    const largest = rotated.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Small enough that no sum of products leaves 32 bits.
    const steps = Math.min(32_767, Math.floor(2 ** 31 / (128 * rotated.length)) - 1);
    const step = largest / steps || 1;
    const entries = new Int16Array(buffer, QUERY_AT, rotated.length);
    for (let at = 0; at < rotated.length; at += 1) entries[at] = Math.round((rotated[at] as number) / step);
    const addresses = new Uint32Array(buffer, ADDRESSES_AT, BLOCK);
    const out = new Int32Array(buffer, OUT_AT, BLOCK);
    const best: DenseHit[] = [];
    for (let from = 0; from < slots.length; from += BLOCK) {
      const until = Math.min(slots.length, from + BLOCK);
      for (let at = from; at < until; at += 1) addresses[at - from] = this.#rowAt(slots[at] as number);
      const count4 = Math.ceil((until - from) / 4) * 4;
      addresses.fill(addresses[0] as number, until - from, count4);
      this.#kernel.products(ADDRESSES_AT, count4, this.#rowBytes, QUERY_AT, OUT_AT);
      for (let at = from; at < until; at += 1) {
        const slot = slots[at] as number;
        insert(best, slot, (out[at - from] as number) * step * (this.#steps[slot] as number), count);
      }
    }
    return best;
  }

  #blockAt(slot: number): number {
    return BLOCKS_AT + Math.floor(slot / BLOCK) * BLOCK * (this.#codeStride + this.#rowBytes);
  }

  #codeAt(slot: number): number {
    return this.#blockAt(slot) + (slot % BLOCK) * this.#codeStride;
  }

  #rowAt(slot: number): number {
    return this.#blockAt(slot) + BLOCK * this.#codeStride + (slot % BLOCK) * this.#rowBytes;
  }

  #addBlock(): void {
    this.#blocks += 1;
    const needed = this.#blockAt(this.#blocks * BLOCK) - this.#kernel.memory.buffer.byteLength;
    if (needed > 0) this.#kernel.memory.grow(Math.ceil(needed / PAGE_BYTES));
    if (this.#steps.length >= this.#blocks * BLOCK) return;
    const steps = new Float32Array(this.#blocks * BLOCK * 2);
    steps.set(this.#steps);
    this.#steps = steps;
  }
}

/** Above what the `wanted` best lie. */
function barFor(classes: Uint32Array, wanted: number): number {
  let lowest = CLASSES - 1;
  let held = classes[lowest] as number;
  while (held < wanted && lowest > 0) {
    lowest -= 1;
    held += classes[lowest] as number;
  }
  return lowest === 0 ? Number.NEGATIVE_INFINITY : (lowest / CLASSES) * 2 - 1;
}

/** Into a list that is ordered, best first, and has `count` at most. */
function insert(best: DenseHit[], slot: number, score: number, count: number): void {
  if (best.length === count) {
    if (score <= (best[count - 1] as DenseHit).score) return;
    best.pop();
  }
  const hit = { slot, score };
  let at = best.push(hit) - 1;
  for (; at > 0 && (best[at - 1] as DenseHit).score < score; at -= 1) best[at] = best[at - 1] as DenseHit;
  best[at] = hit;
}
