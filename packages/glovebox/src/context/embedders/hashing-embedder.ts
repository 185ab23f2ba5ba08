import { type Embedder, toUnit } from "../../models/embedder.ts";
import { tokensOf } from "../text/tokens.ts";

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
  const counts = new Map<string, number>();
  const count = (feature: string, weight: number) => counts.set(feature, (counts.get(feature) ?? 0) + weight);
  let before: string | undefined;
  for (const token of tokens) {
    count(token, 1);
    if (before !== undefined) count(`${before} ${token}`, PAIR_WEIGHT);
    before = token;
    for (let at = 0; at + 3 <= token.length && token.length > 3; at += 1)
      count(`#${token.slice(at, at + 3)}`, TRIGRAM_WEIGHT);
  }
  const vector = new Float32Array(HASHING_DIMENSIONS);
  for (const [feature, weight] of counts) {
    const hash = fnv1a(feature);
    const entry = (hash >>> 1) % HASHING_DIMENSIONS;
    // The root, so that a word that comes a hundred times does not drown the others.
    vector[entry] = (vector[entry] as number) + (hash & 1 ? 1 : -1) * Math.sqrt(weight);
  }
  return toUnit(vector);
}

/** FNV-1a over UTF-16 units, 32 bits, and a last mixing round, since its low bits alone are poor. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
