import { BEFORE, type Chars } from "../chars.ts";

/** A block of this many characters is looked up at once. */
const BLOCK = 3;
const SIZE = 1 << 16;
/** More would skip further, but most values are no longer. */
const MAX_WINDOW = 12;

/**
 * Passes over text in which no pattern begins, several characters at a time (Wu and Manber, "A fast algorithm for multi-pattern
 * searching", 1994): of the patterns' first `window` characters, every block of three says how far its last occurrence is from their end.
 */
export class SkipTable {
  /** Characters that must be at hand from where a pattern may begin. */
  readonly window: number;
  readonly #shifts = new Uint8Array(SIZE);

  constructor(patterns: readonly string[]) {
    this.window = patterns.reduce((least, pattern) => Math.min(least, pattern.length), MAX_WINDOW);
    this.#shifts.fill(this.window - BLOCK + 1);
    for (const pattern of patterns) {
      for (let at = BLOCK; at <= this.window; at += 1) {
        const slot = hash(pattern.charCodeAt(at - 3), pattern.charCodeAt(at - 2), pattern.charCodeAt(at - 1));
        this.#shifts[slot] = Math.min(this.#shifts[slot] ?? 0, this.window - at);
      }
    }
  }

  /** The next place at `from` or after where a pattern may begin; where it has less than a window before `end`, it stops as well. */
  next(text: Chars, from: number, end: number): number {
    const { codes } = text;
    const shifts = this.#shifts;
    let index = from + BEFORE + this.window;
    while (index <= end + BEFORE) {
      const shift = shifts[hash(codes[index - 3] ?? 0, codes[index - 2] ?? 0, codes[index - 1] ?? 0)] ?? 0;
      if (shift === 0) break;
      index += shift;
    }
    return index - BEFORE - this.window;
  }
}

function hash(a: number, b: number, c: number): number {
  return (Math.imul(a, 0x9e5) ^ Math.imul(b, 0x95) ^ Math.imul(c, 0x1f35)) & (SIZE - 1);
}
