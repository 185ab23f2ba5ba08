import type Database from "better-sqlite3";
import type { Scored } from "./fuse.ts";

/**
 * How many chunks the words of one query may be in, all together. Every one of them is scored, at about a microsecond each. Rarer words say more and go first; a word for which nothing is left
 * over is not searched for, as long as there is a rarer one.
 */
const MAX_MATCHES = 4_000;
/** Of a query. */
const MAX_TOKENS = 64;
/** Words whose counts are remembered. */
const MAX_COUNTS = 10_000;

/** Search by words, with BM25. */
export class SparseSearch {
  readonly #db: Database;
  /** In how many chunks words are, as of {@link #revision}: reading it takes up to milliseconds for a frequent word. */
  readonly #counts = new Map<string, number>();
  #revision = -1;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The `count` best chunks of those that are allowed, best first. */
  search(
    tokens: readonly string[],
    count: number,
    { revision, isAllowed }: { readonly revision: number; readonly isAllowed: (chunk: number) => boolean },
  ): Scored[] {
    if (revision !== this.#revision || this.#counts.size > MAX_COUNTS) this.#counts.clear();
    this.#revision = revision;
    const words = this.#affordable([...new Set(tokens)].slice(0, MAX_TOKENS));
    if (words.length === 0) return [];
    // Quoted, a word is a word, whatever it is in the query language of FTS5; quotes are no part of tokens.
    const match = words.map((word) => `"${word}"`).join(" OR ");
    const sql = "SELECT rowid, bm25(words) FROM words WHERE words MATCH ? ORDER BY 2, 1";
    const found: Scored[] = [];
    for (const row of this.#db.prepare(sql).raw().iterate(match)) {
      const [chunk, score] = row as [number, number];
      if (!isAllowed(chunk)) continue;
      found.push({ chunk, score: -score });
      if (found.length === count) break;
    }
    return found;
  }

  #affordable(words: readonly string[]): string[] {
    const known = words
      .map((word) => ({ word, count: this.#countOf(word) }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => a.count - b.count || (a.word < b.word ? -1 : 1));
    let left = MAX_MATCHES;
    return known
      .filter(({ count }, at) => {
        left -= count;
        return left >= 0 || at === 0;
      })
      .map(({ word }) => word);
  }

  #countOf(word: string): number {
    const known = this.#counts.get(word);
    if (known !== undefined) return known;
    const sql = "SELECT doc FROM vocabulary WHERE term = ?";
    const count = (this.#db.prepare(sql).pluck().get(word) as number | undefined) ?? 0;
    this.#counts.set(word, count);
    return count;
  }
}
