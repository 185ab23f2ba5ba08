import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { type ContextStore, type DocumentInput, openContextStore } from "../../packages/glovebox/src/context/index.ts";
import type { Case, Measurement } from "../harness.ts";

/**
 * What is asked for is asked at this size: one piece a document, 384 dimensions (the built-in embedder's).
 *
 * What profiles showed, by how much each took away (processor time, not the clock's): a statement that SQLite may have to undo alone has FTS5 write what it gathered, so words go in last and together (writing: a
 * half); SQLite with STAT4 prepares a join anew for each bound value, unless it is written `+?` (reading ten hits: 1.1 ms to 0.25); FTS5's bm25 reads each word's list three times and each length from the disk
 * (words: 2.3 ms to 0.5); a filter's vectors alone are looked at; 100 vectors read one by one were 1.3 ms, at once 0.9, and the best 20 do; counting was 100 ms of the 300 of opening, and most of the rest is a thread
 * that loads its sources.
 *
 * A search by nearness waited for memory: 25,000 sketches of a bit per entry that lay among 75,000 others (1.4 ms), then 2,500 rows of bytes that lay anywhere (0.8), since as many were needed for 98 % of the true ten.
 * With four bits per entry 41 are enough for all of the ten, so 264 are looked at (0.06), and the four bits of what a filter lets through, copied to lie in a row, take 0.4 (in place 0.75 to 1.2). Choosing the best of
 * 25,000 estimates in JavaScript was 0.9, with all it reads in typed arrays that lie in a row 0.15. Two threads at the same time, one for words and one for nearness, take the shorter of both away, where there are
 * two processors to spare. Of words, what is left is FTS5: 0.04 ms for each word that is looked for in nine pieces of its index, a third of it in one, and 0.14 µs for each place where it stands.
 */
const CHUNKS = 100_000;
const WORDS_PER_CHUNK = 60;
const VOCABULARY = 50_000;
const BATCH = 500;
const TENANT = "bench";
const QUERIES = 200;
const K = 10;

/** Numbers from 0 to below 1, the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A word as often as words are in texts (Zipf): a few in nearly all, most in hardly any. */
function word(random: () => number): string {
  return `w${Math.floor(Math.exp(random() * Math.log(VOCABULARY))).toString(36)}`;
}

function documentAt(n: number): DocumentInput {
  const random = numbers(n + 1);
  const content = Array.from({ length: WORDS_PER_CHUNK }, () => word(random)).join(" ");
  return { kind: "text", path: `d/${n}.txt`, content, origin: "bench", metadata: { shard: n % 4 } };
}

/** Four words of a document, the rarer the better, as people ask for something that they half remember. */
function queryAt(n: number): string {
  const words = documentAt((n * 7_919) % CHUNKS).content.split(" ");
  return words
    .sort((a, b) => b.length - a.length)
    .slice(0, 4)
    .join(" ");
}

interface Filled {
  readonly folder: string;
  readonly store: ContextStore;
  readonly documentsPerSecond: readonly number[];
}

let filled: Promise<Filled> | undefined;

/** Made once for all cases: filling takes the longest. */
function fill(): Promise<Filled> {
  filled ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-context-"));
    const store = openContextStore({ dataDir: folder });
    const rates: number[] = [];
    for (let from = 0; from < CHUNKS; from += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, at) => documentAt(from + at));
      const begun = performance.now();
      await store.add(TENANT, batch);
      rates.push((BATCH / (performance.now() - begun)) * 1_000);
    }
    await atRest(folder);
    return { folder, store, documentsPerSecond: rates };
  })();
  return filled;
}

/** Waits until the store has tidied up after so many writes, as it does within seconds when nobody writes; half a minute at most. */
async function atRest(folder: string): Promise<void> {
  const db = new Database(join(folder, "context.db"), { readonly: true });
  const pieces = db.prepare("SELECT count(DISTINCT segid) FROM words_idx").pluck();
  const deadline = performance.now() + 30_000;
  while ((pieces.get() as number) > 1 && performance.now() < deadline) await sleep(100);
  db.close();
}

const ingest: Case = {
  name: "context.ingest_documents",
  unit: "1/s",
  target: { better: "higher", p50: 3_000 },
  async run() {
    const { documentsPerSecond } = await fill();
    return { samples: documentsPerSecond, floor: { name: "FTS5 alone, the same words", samples: bareFts() } };
  },
};

/** Inserts into a full-text index on disk, with nothing else. */
function bareFts(): number[] {
  const folder = mkdtempSync(join(tmpdir(), "glovebox-bench-fts-"));
  const db = new Database(join(folder, "words.db"));
  db.exec("PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE w USING fts5(t, content = '')");
  const insert = db.prepare("INSERT INTO w (rowid, t) VALUES (?, ?)");
  const rates: number[] = [];
  for (let from = 0; from < 20_000; from += BATCH) {
    const texts = Array.from({ length: BATCH }, (_, at) => documentAt(from + at).content);
    const begun = performance.now();
    db.exec("BEGIN");
    for (const [at, text] of texts.entries()) insert.run(from + at + 1, text);
    db.exec("COMMIT");
    rates.push((BATCH / (performance.now() - begun)) * 1_000);
  }
  db.close();
  rmSync(folder, { recursive: true });
  return rates;
}

async function searches(strategy: "parallel" | "dense" | "sparse"): Promise<Measurement> {
  const { store, folder } = await fill();
  const one = (n: number) => store.search(TENANT, { query: queryAt(n), k: K, strategy, filter: "shard=1" });
  // A server is asked more than once: both readers have what they keep in memory, and their code is compiled. By other queries than those that are measured.
  for (let n = QUERIES; n < 2 * QUERIES; n += 2) await Promise.all([one(n), one(n + 1)]);
  const samples: number[] = [];
  for (let n = 0; n < QUERIES; n += 1) {
    const begun = performance.now();
    await one(n);
    samples.push(performance.now() - begun);
  }
  return { samples, floor: { name: "FTS5's bm25 alone, the two rarest words", samples: bareMatches(folder) } };
}

function bareMatches(folder: string): number[] {
  const db = new Database(join(folder, "context.db"), { readonly: true });
  const find = db.prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words) LIMIT 10");
  const samples: number[] = [];
  for (let n = 0; n < QUERIES; n += 1) {
    const match = queryAt(n).split(" ").slice(0, 2).join(" OR ");
    const begun = performance.now();
    find.all(match);
    samples.push(performance.now() - begun);
  }
  db.close();
  return samples;
}

const hybrid: Case = {
  name: "context.query_hybrid_filtered",
  unit: "ms",
  target: { better: "lower", p50: 3, p99: 50 },
  run: () => searches("parallel"),
};
const dense: Case = { name: "context.query_dense_filtered", unit: "ms", run: () => searches("dense") };
const sparse: Case = { name: "context.query_sparse_filtered", unit: "ms", run: () => searches("sparse") };

/** How many of the true ten nearest are found: of all vectors on disk, looked at one by one. */
const recall: Case = {
  name: "context.recall_at_10",
  unit: "%",
  target: { better: "higher", p50: 95 },
  async run() {
    const { store, folder } = await fill();
    const db = new Database(join(folder, "context.db"), { readonly: true });
    const rows = db
      .prepare(
        "SELECT d.path, x.entries FROM vector x JOIN chunk c ON c.row = x.chunk JOIN document d ON d.row = c.document",
      )
      .raw()
      .all() as [string, Uint8Array][];
    db.close();
    const vectors = rows.map(([path, bytes]) => ({ path, entries: new Float32Array(new Uint8Array(bytes).buffer) }));
    const samples: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const query = vectors[(n * 2_503) % vectors.length]?.entries ?? new Float32Array();
      const truth = vectors
        .map(({ path, entries }) => ({
          path,
          score: entries.reduce((sum, entry, at) => sum + entry * (query[at] ?? 0), 0),
        }))
        .sort((a, b) => b.score - a.score)
        .slice(0, K);
      const { hits } = await store.search(TENANT, { query: "x", vector: [...query], strategy: "dense", k: K });
      const found = new Set(hits.map(({ path }) => path));
      samples.push((truth.filter(({ path }) => found.has(path)).length / K) * 100);
    }
    return { samples: [samples.reduce((sum, one) => sum + one, 0) / samples.length] };
  },
};

/**
 * From nothing to the first answer; what searching needs in memory comes with the first search. Node keeps what it compiled, as `bin/glovebox` has it do: without that a thread takes twice as long to begin from
 * sources.
 */
const opening: Case = {
  name: "context.open_and_read",
  unit: "ms",
  target: { better: "lower", p50: 200 },
  async run() {
    const { folder } = await fill();
    process.env.NODE_COMPILE_CACHE ??= join(folder, "compile-cache");
    const samples: number[] = [];
    for (let n = 0; n < 10; n += 1) {
      const begun = performance.now();
      await using store = openContextStore({ dataDir: folder, readers: 1 });
      await store.counts(TENANT);
      samples.push(performance.now() - begun);
    }
    return { samples };
  },
};

const ending: Case = {
  name: "context.first_dense_search",
  unit: "ms",
  async run() {
    const { folder, store } = await fill();
    await store[Symbol.asyncDispose]();
    const samples: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      await using again = openContextStore({ dataDir: folder, readers: 1 });
      const begun = performance.now();
      await again.search(TENANT, { query: queryAt(n), strategy: "dense" });
      samples.push(performance.now() - begun);
    }
    await rm(folder, { recursive: true });
    filled = undefined;
    return { samples };
  },
};

/** The last one ends the store that all share. */
export const CONTEXT_CASES: readonly Case[] = [ingest, hybrid, dense, sparse, recall, opening, ending];
