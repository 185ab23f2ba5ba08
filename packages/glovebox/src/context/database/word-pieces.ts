import type Database from "better-sqlite3";
import { Statements } from "./statements.ts";

/** Of the index: what one part of the work writes, which takes some tens of milliseconds. */
const PAGES_AT_ONCE = 128;
/** Pieces are left as they are while all but the largest have fewer pages together, or a smaller share of all: so what is written anew is some ten times what came, however it came. */
const MIN_PAGES = 64;
const MIN_SHARE = 0.1;

const PIECES = "SELECT count(*) FROM words_idx GROUP BY segid ORDER BY 1 DESC";
const MERGE = "INSERT INTO words (words, rank) VALUES ('merge', ?)";

/**
 * Joins the pieces of the index of words while nothing else is written. Every write makes one, and FTS5 joins some of them by itself; nine are left of 100,000 chunks, and each word of a query is looked for in
 * all of them. In one piece, searches by words take three quarters of the time.
 */
export class WordPieces {
  readonly #statements: Statements;
  #isJoining = false;

  constructor(db: Database) {
    this.#statements = new Statements(db);
  }

  /** Does a part of the work, in a transaction of its own; whether there is more to do. */
  join(): boolean {
    if (!this.#isJoining && !this.#areMany()) return false;
    const before = this.#changes();
    // A negative number takes all pieces for one level, which positive ones then go on with. What changed less than two rows did nothing: FTS5 says so.
    this.#statements.of(MERGE).run(this.#isJoining ? PAGES_AT_ONCE : -PAGES_AT_ONCE);
    this.#isJoining = this.#changes() - before >= 2;
    return this.#isJoining;
  }

  #areMany(): boolean {
    const pages = this.#statements.of(PIECES).pluck().all() as number[];
    const all = pages.reduce((sum, count) => sum + count, 0);
    const others = all - (pages[0] ?? 0);
    return others >= Math.max(MIN_PAGES, MIN_SHARE * all);
  }

  #changes(): number {
    return this.#statements.of("SELECT total_changes()").pluck().get() as number;
  }
}
