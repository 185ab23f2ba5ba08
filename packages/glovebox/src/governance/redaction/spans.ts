import type { Chars } from "./chars.ts";

export const MASK = "[redacted]";

/** A part of a stream that is masked; both ends count characters from the stream's beginning. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What looks for secrets of one kind in a text that comes in pieces. How it is cut must make no difference to what is found. */
export interface Finder {
  /** What comes before this is not looked at again. Counts from the stream's beginning. */
  readonly keepFrom: number;
  /**
   * Goes on from where the last call ended. `text` begins at `base`, no later than `keepFrom`, and ends with all that came. Adds what is to be masked, in order, to `spans`, and gives back up to where everything is decided. With `final` nothing
   * more will come, so all is.
   */
  advance(text: Chars, base: number, final: boolean, spans: Span[]): number;
}

/** Writes a text with the spans of all finders masked: spans that overlap or touch become one mask. */
export class MaskWriter {
  /** What was written up to here ended in a mask. */
  #maskedTo = -1;
  #pending: Span[] = [];

  /** The text between `from` and `to`, masked. `found` are new spans; those beyond `to` are kept for the next time. */
  write(text: string, base: number, from: number, to: number, found: readonly Span[]): string {
    if (found.length === 0 && this.#pending.length === 0) return text.slice(from - base, to - base);
    const spans = [...this.#pending, ...found].sort((a, b) => a.from - b.from);
    this.#pending = [];
    let out = "";
    let at = from;
    for (const span of spans) {
      if (span.to > to) this.#pending.push({ from: Math.max(span.from, to), to: span.to });
      const start = Math.max(span.from, from);
      const end = Math.min(span.to, to);
      if (end <= at || end <= start) continue;
      if (start > at) out += text.slice(at - base, start - base);
      // A text that is full of secrets has no use for a mask on each.
      if (Math.max(start, at) !== this.#maskedTo) out += MASK;
      at = end;
      this.#maskedTo = end;
    }
    return out + text.slice(at - base, to - base);
  }
}
