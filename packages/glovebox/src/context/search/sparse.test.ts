import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContextStore } from "../context-store.ts";
import { openContextStore } from "../open-context-store.ts";

const TENANT = "t";
let folder: string;
let store: ContextStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-sparse-"));
  store = openContextStore({ dataDir: folder });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const sparse = async (query: string, k = 10) =>
  (await store.search(TENANT, { query, strategy: "sparse", k, rerankFactor: 100 })).hits;

/** What FTS5's own function says of the pieces that are current. */
function bm25(words: readonly string[]): { readonly path: string; readonly score: number }[] {
  const db = new Database(join(folder, "context.db"), { readonly: true });
  const sql = `SELECT d.path, f.score FROM (SELECT rowid AS row, -bm25(words) AS score FROM words WHERE words MATCH ?) f
    JOIN chunk c ON c.row = f.row JOIN document d ON d.row = c.document WHERE c.to_revision IS NULL`;
  const rows = db.prepare(sql).all(words.join(" OR ")) as { path: string; score: number }[];
  db.close();
  return rows.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1));
}

test("scores are those of FTS5's bm25, also after updates, removals and compacting", async () => {
  const vocabulary = ["alpha", "beta", "gamma", "delta", "kappa"];
  const document = (n: number, salt: number) => {
    const words = Array.from({ length: 3 + ((n * 7 + salt) % 23) }, (_, at) => {
      const choice = (n * 31 + at * at * 17 + salt * 13) % 23;
      return vocabulary[choice] ?? `filler${choice}`;
    });
    return { kind: "text", path: `d${n}`, content: words.join(" "), origin: "test" } as const;
  };
  const compare = async () => {
    for (const words of [["alpha"], ["beta", "gamma"], ["alpha", "delta", "kappa"], ["nowhere"]]) {
      const hits = (await sparse(words.join(" "), 100)).map(({ path, sparseScore }) => ({
        path,
        score: sparseScore ?? 0,
      }));
      const truth = bm25(words);
      expect(hits.map(({ score }) => score.toFixed(9))).toEqual(truth.map(({ score }) => score.toFixed(9)));
      expect(hits.map(({ path }) => path).sort()).toEqual(truth.map(({ path }) => path).sort());
    }
  };
  const all = Array.from({ length: 80 }, (_, n) => document(n, 0));
  const { documents } = await store.add(TENANT, all);
  await compare();
  await store.add(
    TENANT,
    all.slice(0, 30).map((_, n) => document(n, 1)),
  );
  for (const { id } of documents.slice(50, 60)) await store.remove(TENANT, id, { origin: "test" });
  await compare();
  await store.compact(TENANT, new Date(Date.now() + 60_000).toISOString());
  await compare();
});

test("a word that is in very many pieces counts only when there is no rarer one", async () => {
  // 4,100 pieces of 80 lines.
  const lines = Array.from({ length: 4_100 * 80 }, (_, n) =>
    n % 80 === 0 ? "common" : n === 4_000 * 80 + 1 ? "rare" : ".",
  );
  await store.add(TENANT, [{ kind: "code", path: "many.txt", content: lines.join("\n"), origin: "test" }]);
  for (let look = 0; look < 2; look += 1) {
    expect((await sparse("common rare")).map(({ lines: { start } }) => start)).toEqual([4_000 * 80 + 1]);
    const alone = await sparse("common");
    expect(alone).toHaveLength(10);
    expect(alone.every(({ sparseScore = 0 }) => sparseScore > 0)).toBe(true);
  }
});
