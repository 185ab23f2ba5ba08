import { MASK } from "../spans.ts";
import { encodingsOf } from "./encodings.ts";

/** The shortest value that is masked, in characters and in bytes: shorter ones stand in ordinary text by chance. */
export const MIN_VALUE = 6;
/** The most that is looked for in one piece, and so the most that waits for the rest of a value. */
export const MAX_PATTERN = 512;

/**
 * The texts to look for, so that every value is masked in every encoding. What is longer than {@link MAX_PATTERN} is looked for in pieces
 * of that length, of which the last two may overlap.
 */
export function patternsOf(values: readonly string[]): readonly string[] {
  const patterns = new Set<string>();
  for (const value of values) {
    if (value.length < MIN_VALUE) continue;
    for (const text of encodingsOf(value)) {
      // Within the mask there is nothing to hide; masking it would make every mask longer.
      if (text.length < MIN_VALUE || MASK.includes(text)) continue;
      for (const piece of pieces(text)) patterns.add(piece);
    }
  }
  return [...patterns];
}

function pieces(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length; at += MAX_PATTERN) {
    const start = Math.max(0, Math.min(at, text.length - MAX_PATTERN));
    found.push(text.slice(start, start + MAX_PATTERN));
  }
  return found;
}
