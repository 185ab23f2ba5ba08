import { type Embedder, toUnit } from "../../models/embedder.ts";
import { tokensOf } from "../text/tokens.ts";
import { FeatureCounts } from "./feature-counts.ts";

export const HASHING_DIMENSIONS = 384;
/** How much a pair of neighbouring words, and three letters of a word, count beside a word. */
const PAIR_WEIGHT = 0.5;
const TRIGRAM_WEIGHT = 0.25;

/**
 * An embedder that needs no model: words, pairs of words and trigrams are hashed to entries and signs (feature hashing, Weinberger et al., ICML 2009). It finds texts that share words, also
 * in other forms and with slips of the pen; it does not know what words mean. Deterministic: part of what is on disk.
 */
export const hashingEmbedder: Embedder = {
  name: "hashing",
  model: "words-1",
  dimensions: HASHING_DIMENSIONS,
  embed: (texts) => Promise.resolve(texts.map((text) => hashingVector(tokensOf(text)))),
};

/** Of a text's tokens. */
export function hashingVector(tokens: readonly string[]): Float32Array {
  counts.clear();
  let before: number | undefined;
  for (const token of tokens) {
    const hash = extend(FNV_OFFSET, token);
    counts.add(mix(hash), 1);
    // Features begin with different letters, which no token has: a blank within pairs, `#` for trigrams.
    if (before !== undefined) counts.add(mix(extend(step(before, BLANK), token)), PAIR_WEIGHT);
    before = hash;
    if (token.length <= 3) continue;
    for (let at = 0; at + 3 <= token.length; at += 1) {
      const two = step(step(TRIGRAM, token.charCodeAt(at)), token.charCodeAt(at + 1));
      counts.add(mix(step(two, token.charCodeAt(at + 2))), TRIGRAM_WEIGHT);
    }
  }
  const vector = new Float32Array(HASHING_DIMENSIONS);
  for (let at = 0; at < counts.size; at += 1) {
    const hash = counts.keyAt(at);
    const entry = (hash >>> 1) % HASHING_DIMENSIONS;
    // The root, so that a word that comes a hundred times does not drown the others.
    vector[entry] = (vector[entry] as number) + (hash & 1 ? 1 : -1) * Math.sqrt(counts.countAt(at));
  }
  return toUnit(vector);
}

/** Kept from text to text, which is cheaper than making it anew. */
const counts = new FeatureCounts();
const FNV_OFFSET = 0x811c9dc5;
const BLANK = " ".charCodeAt(0);
const TRIGRAM = step(FNV_OFFSET, "#".charCodeAt(0));

/** FNV-1a over UTF-16 units, 32 bits. */
function extend(hash: number, text: string): number {
  let extended = hash;
  for (let at = 0; at < text.length; at += 1) extended = step(extended, text.charCodeAt(at));
  return extended;
}

function step(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}

/** A last round, since the low bits of FNV-1a alone are poor. */
function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
