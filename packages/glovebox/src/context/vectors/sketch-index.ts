import { growKernel, makeKernel } from "./kernel.ts";
import { type SketchedQuery, Sketcher } from "./sketch.ts";
import { blockBytes, decodeSketches, type SketchBlock } from "./sketch-block.ts";
import { UpperCopy } from "./upper-copy.ts";

/** Of a vector: what the layout of the kernel's memory has room for; common embedders give 384 to 3,072. */
export const MAX_DIMENSIONS = 4_096;
/** Rows that one call of the kernel compares, and that lie in one block: all their upper halves, then all their lower ones. */
const BLOCK = 16_384;
/** In the kernel's memory: the query's entries, bytes that are to be parted, where the rows are that the kernel is to look at, what it answers, and then the blocks. */
const STAGING_AT = 16_384;
const STAGING_BYTES = 65_536;
const ADDRESSES_AT = STAGING_AT + STAGING_BYTES;
const OUT_AT = ADDRESSES_AT + BLOCK * 4;
const BLOCKS_AT = OUT_AT + BLOCK * 4;

/** A byte is 16 × its upper half + its lower half - 128; a lower half is as often any of 0 to 15. */
const UPPER_WORTH = 16;
const ZERO = 128;
const MEAN_LOWER = 7.5;
/** The first pass' estimates are counted in so many classes, from -1 to 1, to find the best without sorting all. */
const CLASSES = 4_096;
/**
 * The second pass looks at so many times as many as are wanted, and some more. Of 100,000 texts by the built-in embedder each of the true ten nearest was among the 41 with the best estimates (by a
 * bit per entry instead of four, it had to be the best 14,000; by two, 1,000).
 */
const OVERSAMPLING = 2;
const MORE = 64;

/** A selection's upper halves are copied when it is searched a second time, unless it is a small one, or more than this part of all: in place there is little between them then. */
const MIN_COPIED = 2_048;
const MAX_COPIED = 1 / 3;

export interface DenseHit {
  readonly slot: number;
  /** The cosine, but for rounding (below 0.01). */
  readonly score: number;
}

/** What searches may find: made by {@link SketchIndex.select}, and holds until the next vector is added. */
export interface Selection {
  /** In rising order. */
  readonly slots: Uint32Array;
  /** What a byte's step stands for, of each. */
  readonly steps: Float32Array;
  /** Of the index: how often it was searched, and the copy made then. */
  searches: number;
  copy?: UpperCopy;
}

/**
 * Vectors of length 1 in memory, found by cosine. Every query looks at all that it may find: first at the upper four bits of each entry, then at the lower ones of the most promising. So vectors can be
 * added at any time at the same price, and any of them can be left out of a search, which makes it cheaper, and which graphs of neighbours do badly.
 */
export class SketchIndex {
  readonly #sketcher: Sketcher;
  readonly #kernel = makeKernel(BLOCKS_AT);
  /** Of a row of upper halves, or of lower ones. */
  readonly #rowBytes: number;
  #blocks = 0;
  #size = 0;
  /** What a byte's step stands for, of each. */
  #steps = new Float32Array(BLOCK);
  /** Of the search that goes on. */
  #sums = new Int32Array(0);
  #classes = new Uint16Array(0);
  readonly #counts = new Uint32Array(CLASSES);

  /** `dimensions`: 1 to {@link MAX_DIMENSIONS}. */
  constructor(dimensions: number) {
    this.#sketcher = new Sketcher(dimensions);
    this.#rowBytes = this.#sketcher.paddedDimensions / 2;
  }

  /** How many vectors there are; the next one's slot. */
  get size(): number {
    return this.#size;
  }

  /** `RangeError` when they are not of these dimensions. */
  add(block: SketchBlock): void {
    const { paddedDimensions } = this.#sketcher;
    if (block.bytes.byteLength !== blockBytes(paddedDimensions, block.count))
      throw new RangeError("not sketches of these dimensions");
    const { steps, rows } = decodeSketches(block);
    const atOnce = Math.floor(STAGING_BYTES / paddedDimensions);
    for (let from = 0; from < block.count; ) {
      if (this.#size === this.#blocks * BLOCK) this.#addBlock();
      const count = Math.min(atOnce, block.count - from, this.#blocks * BLOCK - this.#size);
      const bytes = rows.subarray(from * paddedDimensions, (from + count) * paddedDimensions);
      new Uint8Array(this.#kernel.memory.buffer).set(bytes, STAGING_AT);
      this.#kernel.halve(STAGING_AT, bytes.byteLength, this.#upperAt(this.#size), this.#lowerAt(this.#size));
      this.#steps.set(steps.subarray(from, from + count), this.#size);
      this.#size += count;
      from += count;
    }
  }

  /** `slots` in rising order. What is searched more than once is worth a copy of its own. */
  select(slots: Uint32Array): Selection {
    return { slots, steps: Float32Array.from(slots, (slot) => this.#steps[slot] as number), searches: 0 };
  }

  /** The `count` nearest of a selection, best first; equal ones by slot. */
  search(vector: Float32Array, count: number, selection: Selection): DenseHit[] {
    const query = this.#sketcher.query(vector);
    const { slots, steps } = selection;
    const sums = this.#upperSums(query.entries, selection);
    const candidates = this.#mostPromising(query, { steps, sums }, count * OVERSAMPLING + MORE);
    const best = candidates.map((at) => slots[at] as number);
    const lower = this.#sumsOf(query.entries, best, (slot) => this.#lowerAt(slot), new Int32Array(best.length));
    const hits = best.map((slot, at) => {
      const place = candidates[at] as number;
      const sum = UPPER_WORTH * (sums[place] as number) + (lower[at] as number) - ZERO * query.sum;
      return { slot, score: sum * query.step * (steps[place] as number) };
    });
    return hits.sort((a, b) => b.score - a.score || a.slot - b.slot).slice(0, count);
  }

  /** The query's products with the upper halves of a selection, in its order; there until the next search. */
  #upperSums(entries: Int16Array, selection: Selection): Int32Array {
    const { slots } = selection;
    selection.searches += 1;
    const isWorthIt = slots.length >= MIN_COPIED && slots.length <= this.#size * MAX_COPIED;
    if (selection.searches > 1 && isWorthIt) {
      selection.copy ??= new UpperCopy(
        this.#kernel.memory.buffer,
        slots.map((slot) => this.#upperAt(slot)),
        this.#rowBytes,
      );
      return selection.copy.products(entries);
    }
    if (this.#sums.length < slots.length) this.#sums = new Int32Array(slots.length * 2);
    return this.#sumsOf(entries, slots, (slot) => this.#upperAt(slot), this.#sums);
  }

  /** The query's products with halves of some slots, in `sums`. */
  #sumsOf(
    entries: Int16Array,
    slots: ArrayLike<number>,
    addressOf: (slot: number) => number,
    sums: Int32Array,
  ): Int32Array {
    const { buffer } = this.#kernel.memory;
    new Int16Array(buffer, 0, entries.length).set(entries);
    const addresses = new Uint32Array(buffer, ADDRESSES_AT, BLOCK);
    for (let from = 0; from < slots.length; from += BLOCK) {
      const count = Math.min(BLOCK, slots.length - from);
      for (let at = 0; at < count; at += 1) addresses[at] = addressOf(slots[from + at] as number);
      const count4 = Math.ceil(count / 4) * 4;
      addresses.fill(addresses[0] as number, count, count4);
      this.#kernel.products(ADDRESSES_AT, count4, this.#rowBytes, 0, OUT_AT);
      sums.set(new Int32Array(buffer, OUT_AT, count), from);
    }
    return sums;
  }

  /** Where in the selection they are, in rising order: `wanted` of them, and what is as good as the last within a class. */
  #mostPromising(
    query: SketchedQuery,
    { steps, sums }: { readonly steps: Float32Array; readonly sums: Int32Array },
    wanted: number,
  ): number[] {
    const scale = (query.step * CLASSES) / 2;
    const rest = (MEAN_LOWER - ZERO) * query.sum;
    const counts = this.#counts.fill(0);
    if (this.#classes.length < steps.length) this.#classes = new Uint16Array(steps.length * 2);
    const classes = this.#classes;
    for (let at = 0; at < steps.length; at += 1) {
      const estimate = (UPPER_WORTH * (sums[at] as number) + rest) * (steps[at] as number);
      const one = Math.max(0, Math.min(CLASSES - 1, estimate * scale + CLASSES / 2)) >>> 0;
      classes[at] = one;
      counts[one] = (counts[one] as number) + 1;
    }
    const lowest = lowestOf(counts, wanted);
    const found: number[] = [];
    for (let at = 0; at < steps.length; at += 1) if ((classes[at] as number) >= lowest) found.push(at);
    return found;
  }

  #blockAt(slot: number): number {
    return BLOCKS_AT + Math.floor(slot / BLOCK) * BLOCK * 2 * this.#rowBytes;
  }

  #upperAt(slot: number): number {
    return this.#blockAt(slot) + (slot % BLOCK) * this.#rowBytes;
  }

  #lowerAt(slot: number): number {
    return this.#upperAt(slot) + BLOCK * this.#rowBytes;
  }

  #addBlock(): void {
    this.#blocks += 1;
    growKernel(this.#kernel, this.#blockAt(this.#blocks * BLOCK));
    if (this.#steps.length >= this.#blocks * BLOCK) return;
    const steps = new Float32Array(this.#blocks * BLOCK * 2);
    steps.set(this.#steps);
    this.#steps = steps;
  }
}

/** The class above and in which the `wanted` best lie. */
function lowestOf(counts: Uint32Array, wanted: number): number {
  let lowest = CLASSES - 1;
  let held = counts[lowest] as number;
  while (held < wanted && lowest > 0) {
    lowest -= 1;
    held += counts[lowest] as number;
  }
  return lowest;
}
