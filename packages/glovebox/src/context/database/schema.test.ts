import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { migrateFile } from "../../store/index.ts";
import { documentId } from "../document.ts";
import { hashingVector } from "../embedders/hashing-embedder.ts";
import { openContextStore } from "../open-context-store.ts";
import { prepareVector } from "./prepare.ts";
import { CONTEXT_MIGRATIONS } from "./schema.ts";

const TENANT = "t";
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-context-schema-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const documents = ["the quick brown fox", "a lazy dog sleeps", "foxes and dogs"].map((content, n) => ({
  kind: "text" as const,
  path: `d${n}`,
  content,
  origin: "test",
}));

/** Three numbers, of which the second is what a byte's step stands for; a bit for each of 384 entries; the bytes. */
function sketchOfVersion2(sketch: Uint8Array): Uint8Array {
  const [before, between] = [new Uint8Array(4).fill(1), new Uint8Array(4 + 384 / 8).fill(2)];
  return Buffer.concat([before, sketch.subarray(0, 4), between, sketch.subarray(4)]);
}

/** As version 3 had them in one block: the heads and bits of all, then the bytes of all. */
function joinVersion3(file: string): void {
  migrateFile(file, CONTEXT_MIGRATIONS.slice(0, 3), join(folder, "backups"), Date.now());
  const db = new Database(file);
  const blocks = db.prepare("SELECT block FROM sketches ORDER BY first_slot").pluck().all() as Uint8Array[];
  const codeBytes = 12 + 384 / 8;
  const block = Buffer.concat([
    ...blocks.map((one) => one.subarray(0, codeBytes)),
    ...blocks.map((one) => one.subarray(codeBytes)),
  ]);
  db.exec("DELETE FROM sketches");
  db.prepare("INSERT INTO sketches VALUES (1, 1, '[1,2,3]', '[1,2,3]', ?)").run(block);
  db.close();
}

/** As version 2 wrote it, each sketch in a row of its own; the second document was removed. */
function writeVersion2(file: string): void {
  migrateFile(file, CONTEXT_MIGRATIONS.slice(0, 2), join(folder, "backups"), Date.now());
  const db = new Database(file);
  const run = (sql: string, ...values: unknown[]) => db.prepare(sql).run(...(values as never[]));
  run("INSERT INTO space (embedder, model, dimensions) VALUES ('hashing', 'words-1', 384)");
  for (const [n, { path, content }] of documents.entries()) {
    const [row, isRemoved] = [n + 1, n === 1];
    const words = `${path} ${content}`;
    const tokens = words.split(" ");
    const { entries, sketch } = prepareVector(hashingVector(tokens));
    run("INSERT INTO revision (at_ms) VALUES (?)", row);
    const id = documentId(TENANT, documents[n] as (typeof documents)[number]);
    const version = isRemoved ? 2 : 1;
    run(
      "INSERT INTO document VALUES (?, ?, ?, 'global', 'text', ?, ?, ?, 0, NULL, ?)",
      row,
      id,
      TENANT,
      path,
      version,
      isRemoved ? 1 : 0,
      row,
    );
    run("INSERT INTO content VALUES (?, ?)", `h${n}`, content);
    const columns =
      "document, version, content_hash, metadata, origin, created_at, removed, from_revision, to_revision";
    run(
      `INSERT INTO version (${columns}) VALUES (?, 1, ?, '{}', 'test', '', 0, ?, ?)`,
      row,
      `h${n}`,
      row,
      isRemoved ? 9 : null,
    );
    if (isRemoved) run(`INSERT INTO version (${columns}) VALUES (?, 2, '', '{}', 'test', '', 1, 9, NULL)`, row);
    run("INSERT INTO chunk VALUES (?, ?, 1, 1, ?, ?, ?)", row, row, `c${n}`, row, isRemoved ? 9 : null);
    run("INSERT INTO words (rowid, tokens) VALUES (?, ?)", row, words);
    run("INSERT INTO vector VALUES (?, 1, ?, ?, ?)", row, row, `c${n}`, new Uint8Array(entries.buffer));
    run("INSERT INTO sketch VALUES (?, 1, ?, ?)", row, row, sketchOfVersion2(sketch));
  }
  run("INSERT INTO revision (id, at_ms) VALUES (9, 9)");
  db.close();
}

test.each([2, 3])("a store of version %i finds the same as one that was written today", async (version) => {
  const before = join(folder, "before");
  await mkdir(before);
  writeVersion2(join(before, "context.db"));
  if (version === 3) joinVersion3(join(before, "context.db"));
  await using fresh = openContextStore({ dataDir: join(folder, "fresh") });
  const { documents: written } = await fresh.add(TENANT, documents);
  await fresh.remove(TENANT, written[1]?.id ?? "", { origin: "test" });
  await using old = openContextStore({ dataDir: before });
  expect(await old.counts(TENANT)).toEqual(await fresh.counts(TENANT));
  for (const strategy of ["dense", "sparse", "parallel"] as const) {
    for (const query of ["brown fox", "dogs", "sleeps"]) {
      const hitsOf = async (store: typeof old) =>
        (await store.search(TENANT, { query, strategy })).hits.map(({ id, score, chunk }) => ({ id, score, chunk }));
      expect(await hitsOf(old)).toEqual(await hitsOf(fresh));
    }
  }
});

/** Whatever is written, in whatever way: the tally is what counting comes to. */
test("the tally counts documents, versions and pieces as they are", async () => {
  const dataDir = join(folder, "counted");
  await using store = openContextStore({ dataDir });
  const counted = () => {
    const db = new Database(join(dataDir, "context.db"), { readonly: true });
    const one = (sql: string) => db.prepare(sql).pluck().get() as number;
    const result = {
      documents: one("SELECT count(*) FROM document WHERE tenant = 't' AND removed = 0"),
      versions: one("SELECT count(*) FROM version v JOIN document d ON d.row = v.document WHERE d.tenant = 't'"),
      chunks: one(
        "SELECT count(*) FROM chunk c JOIN document d ON d.row = c.document WHERE d.tenant = 't' AND c.to_revision IS NULL",
      ),
    };
    db.close();
    return result;
  };
  const agree = async () => expect(await store.counts(TENANT)).toEqual(counted());
  expect(await store.counts(TENANT)).toEqual({ documents: 0, versions: 0, chunks: 0 });
  const { documents: written } = await store.add(TENANT, documents);
  await store.add("other", documents);
  const { id: snapshot } = await store.snapshot(TENANT, "global", "before");
  await agree();
  await store.add(
    TENANT,
    documents.map((document) => ({ ...document, content: `${document.content}, changed` })),
  );
  await store.remove(TENANT, written[0]?.id ?? "", { origin: "test" });
  await agree();
  await store.rollback(TENANT, "global", { snapshot }, "undo");
  await agree();
  await store.deleteSnapshot(TENANT, snapshot);
  await store.compact(TENANT, new Date(Date.now() + 60_000).toISOString());
  await agree();
  expect(await store.counts(TENANT)).toEqual({ documents: 3, versions: 3, chunks: 3 });
  expect((await store.counts("other")).versions).toBe(3);
});

test("compacting joins the blocks of sketches and the pieces of the index of words, and what is left is found as before", async () => {
  const dataDir = join(folder, "packed");
  await using store = openContextStore({ dataDir });
  for (const document of documents) await store.add(TENANT, [document]);
  await store.add(TENANT, [{ ...documents[0], content: "something else" } as (typeof documents)[number]]);
  const find = async () => (await store.search(TENANT, { query: "dogs and foxes", strategy: "dense" })).hits;
  const before = await find();
  await store.compact(TENANT, new Date(Date.now() + 60_000).toISOString());
  expect(await find()).toEqual(before);
  const db = new Database(join(dataDir, "context.db"), { readonly: true });
  const blocks = db.prepare("SELECT json_array_length(slots) FROM sketches").pluck().all();
  const pieces = db.prepare("SELECT count(DISTINCT segid) FROM words_idx").pluck().get();
  db.close();
  expect(blocks).toEqual([3]);
  expect(pieces).toBe(1);
  await store.add(TENANT, [{ ...documents[0], path: "later", content: "a later fox" } as (typeof documents)[number]]);
  expect((await store.search(TENANT, { query: "a later fox", strategy: "dense" })).hits[0]?.path).toBe("later");
});

test("what many writes left of the index of words is joined while nobody writes, and found as before", {
  timeout: 60_000,
}, async () => {
  const dataDir = join(folder, "joined");
  const file = join(dataDir, "context.db");
  await using store = openContextStore({ dataDir });
  const piece = (n: number) => Array.from({ length: 60 }, (_, at) => `word${(n * 61 + at * at) % 20_011}`).join(" ");
  for (let from = 0; from < 1_200; from += 300) {
    const batch = Array.from({ length: 300 }, (_, at) => ({
      ...{ kind: "text" as const, path: `p${from + at}`, content: piece(from + at), origin: "test" },
    }));
    await store.add(TENANT, batch);
  }
  const pieces = () => {
    const db = new Database(file, { readonly: true });
    const sizes = db.prepare("SELECT count(*) FROM words_idx GROUP BY segid").pluck().all() as number[];
    db.close();
    return sizes;
  };
  const find = async () => (await store.search(TENANT, { query: piece(77), strategy: "sparse", k: 30 })).hits;
  const before = await find();
  expect(before[0]?.path).toBe("p77");
  expect(pieces().length).toBeGreaterThan(1);
  await vi.waitFor(() => expect(pieces()).toHaveLength(1), { timeout: 30_000, interval: 50 });
  expect(await find()).toEqual(before);
  // A small one beside a large one is left alone.
  await store.add(TENANT, [{ kind: "text", path: "late", content: "a latecomer", origin: "test" }]);
  expect((await store.search(TENANT, { query: "latecomer", strategy: "sparse" })).hits[0]?.path).toBe("late");
});
