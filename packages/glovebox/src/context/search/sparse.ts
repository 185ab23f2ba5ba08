import type { Statements } from "../database/statements.ts";
import type { Scored } from "./fuse.ts";
import type { Mirror } from "./mirror.ts";

/**
 * How many chunks the words of one query may be in, all together. Every one of them is scored. Rarer words say more and go first; a word for which nothing is left over is not searched for, as long as
 * there is a rarer one.
 */
const MAX_MATCHES = 4_000;
/** Where a word stands more often it is taken for one that is in too many chunks. */
const MAX_OCCURRENCES = 4 * MAX_MATCHES;
/** Read first: mostly enough to see that a word is in too many chunks. */
const FIRST_OCCURRENCES = 4_400;
/** Of a query. */
const MAX_TOKENS = 64;
/** Of BM25, as FTS5 has them: how soon more of the same word counts less, and how much a chunk's length matters. */
const K1 = 1.2;
const B = 0.75;
/** What the least telling word counts. */
const MIN_WEIGHT = 1e-6;

const OCCURRENCES = "SELECT doc FROM occurrence WHERE term = ?";

/** A word of the query, and where it stands: a chunk's row for every time, in order. */
interface Occurrences {
  readonly word: string;
  readonly chunks: readonly number[];
  /** How many different ones. */
  readonly count: number;
}

/**
 * Search by words, with BM25: the same scores as FTS5's own function, which reads every word's list three times, and each chunk's length from the disk. Here a list is read once, and lengths are in
 * memory.
 */
export class SparseSearch {
  readonly #statements: Statements;
  readonly #mirror: Mirror;
  /** Words that are in too many chunks, and in how many; read once, since it takes milliseconds: they do not become rare. */
  readonly #frequent = new Map<string, number | undefined>();

  constructor(statements: Statements, mirror: Mirror) {
    this.#statements = statements;
    this.#mirror = mirror;
  }

  /** The `count` best chunks of those that are allowed, best first. */
  search(tokens: readonly string[], count: number, isAllowed: (chunk: number) => boolean): Scored[] {
    const words = [...new Set(tokens)].slice(0, MAX_TOKENS);
    const scores = new Map<number, number>();
    const affordable = this.#affordable(words);
    for (const { chunks, count: inChunks } of affordable) this.#score(chunks, inChunks, isAllowed, scores);
    if (affordable.length === 0) {
      const word = this.#rarestFrequent(words);
      if (word === undefined) return [];
      const chunks = this.#statements.of(OCCURRENCES).pluck().iterate(word) as IterableIterator<number>;
      this.#score(chunks, this.#frequent.get(word) ?? 0, isAllowed, scores);
    }
    return [...scores]
      .map(([chunk, score]) => ({ chunk, score }))
      .sort((a, b) => b.score - a.score || a.chunk - b.chunk)
      .slice(0, count);
  }

  /** Adds what a word counts in each chunk. */
  #score(
    occurrences: Iterable<number>,
    inChunks: number,
    isAllowed: (chunk: number) => boolean,
    scores: Map<number, number>,
  ): void {
    const { chunks, words, wordsOf } = this.#mirror;
    const weight = Math.max(Math.log((chunks - inChunks + 0.5) / (inChunks + 0.5)), MIN_WEIGHT);
    const meanWords = words / chunks;
    const add = (chunk: number, times: number) => {
      if (times === 0 || !isAllowed(chunk)) return;
      const saturation = K1 * (1 - B + (B * wordsOf.get(chunk)) / meanWords);
      scores.set(chunk, (scores.get(chunk) ?? 0) + (weight * times * (K1 + 1)) / (times + saturation));
    };
    let [last, times] = [0, 0];
    for (const chunk of occurrences) {
      if (chunk !== last) {
        add(last, times);
        [last, times] = [chunk, 0];
      }
      times += 1;
    }
    add(last, times);
  }

  /** Those of the words, the rarest first, that can be looked at. */
  #affordable(words: readonly string[]): Occurrences[] {
    const known = words
      .flatMap((word) => this.#occurrences(word) ?? [])
      .sort((a, b) => a.count - b.count || (a.word < b.word ? -1 : 1));
    let left = MAX_MATCHES;
    return known.filter(({ count }) => {
      left -= count;
      return left >= 0;
    });
  }

  /** `undefined` when it is nowhere, or in too many chunks. */
  #occurrences(word: string): Occurrences | undefined {
    if (this.#frequent.has(word)) return undefined;
    const limited = this.#statements.of(`${OCCURRENCES} LIMIT ?`).pluck();
    for (const limit of [FIRST_OCCURRENCES, MAX_OCCURRENCES]) {
      const chunks = limited.all(word, limit) as number[];
      if (chunks.length === 0) return undefined;
      let count = 0;
      for (let at = 0; at < chunks.length; at += 1) if (chunks[at] !== chunks[at - 1]) count += 1;
      if (count > MAX_MATCHES) break;
      if (chunks.length < limit) return { word, chunks, count };
    }
    this.#frequent.set(word, undefined);
    return undefined;
  }

  #rarestFrequent(words: readonly string[]): string | undefined {
    const counted = words.flatMap((word) => {
      if (!this.#frequent.has(word)) return [];
      const inChunks = this.#statements.of("SELECT doc FROM vocabulary WHERE term = ?").pluck();
      const count = this.#frequent.get(word) ?? (inChunks.get(word) as number | undefined) ?? 0;
      this.#frequent.set(word, count);
      return [{ word, count }];
    });
    return counted.sort((a, b) => a.count - b.count || (a.word < b.word ? -1 : 1))[0]?.word;
  }
}
