import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore, restoreBackup } from "../store/index.ts";
import type { ContextStore } from "./context-store.ts";
import type { DocumentInput } from "./document.ts";
import { hashingEmbedder } from "./embedders/hashing-embedder.ts";
import { openContextStore } from "./open-context-store.ts";

const TENANT = "t";
let folder: string;
let store: ContextStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-context-"));
  store = openContextStore({ dataDir: folder });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function text(path: string, content: string, more: Partial<DocumentInput> = {}): DocumentInput {
  return { kind: "text", path, content, origin: "test", ...more };
}

async function add(...inputs: readonly DocumentInput[]) {
  const { documents, ...counts } = await store.add(TENANT, inputs);
  return { ...counts, documents, ids: documents.map(({ id }) => id), id: documents[0]?.id ?? "" };
}

const found = async (query: string, more: object = {}) =>
  (await store.search(TENANT, { query, ...more })).hits.map(({ path, version }) => `${path}@${version}`);

test("adding the same again changes nothing, and a batch says what it did", async () => {
  const first = await add(text("a", "alpha"), text("b", "beta"));
  expect(first).toMatchObject({ inserted: 2, updated: 0, unchanged: 0 });
  const again = await add(text("a", "alpha"), text("b", "beta changed"), text("c", "gamma"));
  expect(again).toMatchObject({ inserted: 1, updated: 1, unchanged: 1 });
  expect(again.ids.slice(0, 2)).toEqual(first.ids);
  expect(again.documents.map(({ version }) => version)).toEqual([1, 2, 1]);
  expect(await store.counts(TENANT)).toEqual({ documents: 3, versions: 4, chunks: 3 });
});

test("what is written stays when the store is opened again", async () => {
  const { id } = await add(text("a", "the quick brown fox", { metadata: { n: 1 } }));
  await store[Symbol.asyncDispose]();
  store = openContextStore({ dataDir: folder });
  expect(await store.get(TENANT, id)).toMatchObject({ content: "the quick brown fox", metadata: { n: 1 }, version: 1 });
  expect(await found("brown fox")).toEqual(["a@1"]);
});

test("tenants do not see one another", async () => {
  const { id } = await add(text("a", "secret plan"));
  expect((await store.search("other", { query: "secret plan" })).hits).toEqual([]);
  await expect(store.get("other", id)).rejects.toMatchObject({ code: "not_found" });
  await expect(store.remove("other", id, { origin: "x" })).rejects.toMatchObject({ code: "not_found" });
  expect((await store.list("other")).items).toEqual([]);
});

test("a write that is based on an old version is a conflict, and nothing of its batch is written", async () => {
  const { id } = await add(text("a", "one"));
  await add(text("a", "two", { basedOn: 1 }));
  const stale = [text("new", "new"), text("a", "three", { basedOn: 1 })];
  await expect(store.add(TENANT, stale)).rejects.toMatchObject({
    code: "conflict",
    details: { id, currentVersion: 2 },
  });
  await expect(store.add(TENANT, [text("none", "x", { basedOn: 1 })])).rejects.toMatchObject({ code: "conflict" });
  expect((await store.list(TENANT)).items.map(({ path, version }) => [path, version])).toEqual([["a", 2]]);
});

test("every version can be read, found at its time, and comes back after removal", async () => {
  const first = await add(text("a", "walrus"));
  const { id } = first;
  const second = await add(text("a", "penguin"));
  await store.remove(TENANT, id, { origin: "test", basedOn: 2 });
  expect(await found("walrus penguin")).toEqual([]);
  expect(await found("walrus penguin", { at: { revision: first.revision } })).toEqual(["a@1"]);
  expect(await found("penguin", { at: { revision: second.revision } })).toEqual(["a@2"]);
  await expect(store.get(TENANT, id)).rejects.toMatchObject({ code: "not_found" });
  expect((await store.get(TENANT, id, { version: 1 })).content).toBe("walrus");
  expect((await store.history(TENANT, id)).map(({ version, removed }) => [version, removed])).toEqual([
    [3, true],
    [2, false],
    [1, false],
  ]);
  await add(text("a", "walrus"));
  expect(await found("walrus")).toEqual(["a@4"]);
});

test("a change of metadata alone is a version, and finds the same text", async () => {
  const { id, revision } = await add(text("a", "walrus", { metadata: { state: "old" } }));
  await add(text("a", "walrus", { metadata: { state: "new" } }));
  expect(await found("walrus", { filter: "state=new" })).toEqual(["a@2"]);
  expect(await found("walrus", { filter: "state=old" })).toEqual([]);
  expect(await found("walrus", { filter: "state=old", at: { revision } })).toEqual(["a@1"]);
  expect((await store.counts(TENANT)).chunks).toBe(1);
  expect((await store.get(TENANT, id, { at: { revision } })).metadata).toEqual({ state: "old" });
});

test("merging joins what both sides changed, and keeps both where they differ", async () => {
  const lines = ["one", "two", "three", "four", "five"];
  const { id } = await add(text("a", lines.join("\n")));
  await add(text("a", lines.with(0, "ONE").join("\n")));
  const clean = await store.merge(TENANT, id, {
    content: lines.with(4, "FIVE").join("\n"),
    basedOn: 1,
    origin: "them",
  });
  expect(clean).toMatchObject({ content: "ONE\ntwo\nthree\nfour\nFIVE", conflicts: [], written: { version: 3 } });
  const torn = await store.merge(TENANT, id, { content: lines.with(0, "uno").join("\n"), basedOn: 1, origin: "them" });
  expect(torn.written).toBeUndefined();
  expect(torn.conflicts).toEqual([{ line: 1, ours: "ONE", base: "one", theirs: "uno" }]);
  expect((await store.get(TENANT, id)).version).toBe(3);
  const marked = { content: lines.with(0, "uno").join("\n"), basedOn: 1, origin: "them", onConflict: "mark" } as const;
  const { written, content } = await store.merge(TENANT, id, marked);
  expect(written).toMatchObject({ version: 4 });
  expect(content.split("\n").slice(0, 5)).toEqual(["<<<<<<< version 3", "ONE", "=======", "uno", ">>>>>>> them"]);
});

test("a scope goes back to a snapshot, and what was in between stays readable", async () => {
  const scope = "session:s1" as const;
  const { ids } = await add(
    text("keep", "stays", { scope }),
    text("change", "before", { scope }),
    text("gone", "lost", { scope }),
  );
  await add(text("elsewhere", "first"));
  const { id: snapshot } = await store.snapshot(TENANT, scope, "good");
  await add(text("change", "after", { scope }), text("new", "extra", { scope }), text("elsewhere", "second"));
  await store.remove(TENANT, ids[2] ?? "", { origin: "test" });
  expect(await store.rollback(TENANT, scope, { snapshot }, "undo")).toMatchObject({ updated: 3 });
  const { items } = await store.list(TENANT, { scopes: [scope] });
  expect(items.map(({ path }) => path).sort()).toEqual(["change", "gone", "keep"]);
  expect((await store.get(TENANT, ids[1] ?? "")).content).toBe("before");
  expect((await store.get(TENANT, ids[1] ?? "", { version: 2 })).content).toBe("after");
  expect(await found("before lost extra", { scopes: [scope] })).toEqual(expect.arrayContaining(["change@3", "gone@3"]));
  expect(await found("second")).toContain("elsewhere@2");
  await store.deleteSnapshot(TENANT, snapshot);
  await expect(store.rollback(TENANT, scope, { snapshot }, "undo")).rejects.toMatchObject({ code: "not_found" });
});

test("a run sees what was pinned for it, and compacting keeps that, snapshots, and what is pinned itself", async () => {
  const { ids } = await add(text("a", "first words"), text("pinned", "old pinned words", { pinned: true }));
  await store.pinRun(TENANT, "run1");
  await add(text("a", "second words"), text("pinned", "new pinned words"));
  await add(text("a", "third words"));
  const future = new Date(Date.now() + 60_000).toISOString();
  expect(await store.compact(TENANT, future)).toMatchObject({ versions: 1, chunks: 1 });
  expect(await found("first words", { at: { run: "run1" }, filter: "path=a" })).toEqual(["a@1"]);
  await store.unpinRun(TENANT, "run1");
  await expect(found("x", { at: { run: "run1" } })).rejects.toMatchObject({ code: "not_found" });
  expect(await store.compact(TENANT, future)).toMatchObject({ versions: 1, chunks: 1, contents: 1 });
  expect((await store.history(TENANT, ids[0] ?? "")).map(({ version }) => version)).toEqual([3]);
  expect((await store.history(TENANT, ids[1] ?? "")).map(({ version }) => version)).toEqual([2, 1]);
  expect(await found("third words")).toContain("a@3");
});

test("what has expired is not found any more, unless it is pinned", async () => {
  const past = new Date(Date.now() - 1_000).toISOString();
  const { ids } = await add(
    text("a", "old news", { expiresAt: past }),
    text("b", "fresh news"),
    text("c", "kept news", { expiresAt: past, pinned: true }),
  );
  expect((await found("news")).sort()).toEqual(["b@1", "c@1"]);
  await store.pin(TENANT, ids[2] ?? "", false);
  expect(await found("news")).toEqual(["b@1"]);
});

test("hits point at lines, say how both sides ranked them, and come out the same every time", async () => {
  const code =
    "import os\n\ndef read_config(path):\n    return open(path).read()\n\ndef write_config(path, text):\n    open(path, 'w').write(text)\n";
  await add({ kind: "code", path: "src/config.py", content: code, origin: "repo", metadata: { language: "python" } });
  await add(
    ...Array.from({ length: 60 }, (_, n) => text(`notes/${n}.md`, `note ${n} about the weather and about read access`)),
  );
  const once = await store.search(TENANT, { query: "readConfig path", k: 5 });
  expect(once.strategy).toBe("parallel");
  expect(once.hits[0]).toMatchObject({
    path: "src/config.py",
    kind: "code",
    lines: { start: 3, end: 4 },
    chunk: "def read_config(path):\n    return open(path).read()",
    sparseRank: 1,
    denseRank: expect.any(Number) as number,
    denseScore: expect.any(Number) as number,
    metadata: { language: "python" },
  });
  expect(JSON.stringify(await store.search(TENANT, { query: "readConfig path", k: 5 }))).toBe(JSON.stringify(once));
  expect((await store.search(TENANT, { query: "write_config", k: 1 })).strategy).toBe("sparse");
  for (const strategy of ["dense", "sparse", "parallel"] as const) {
    const { hits } = await store.search(TENANT, { query: "config path", strategy, k: 3 });
    expect(hits[0]?.path).toBe("src/config.py");
    expect(hits.some(({ denseRank }) => denseRank !== undefined)).toBe(strategy !== "sparse");
    expect(hits.some(({ sparseRank }) => sparseRank !== undefined)).toBe(strategy !== "dense");
  }
  for (const fusion of ["weighted", "max"] as const) {
    expect((await store.search(TENANT, { query: "config path", fusion, k: 1 })).hits[0]?.path).toBe("src/config.py");
  }
  const onlyWords = {
    query: "config path weather",
    fusion: "weighted",
    weights: { dense: 0, sparse: 1 },
    k: 9,
  } as const;
  const scores = (await store.search(TENANT, onlyWords)).hits.map(({ sparseScore }) => sparseScore ?? 0);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
});

test.each([
  [{ query: " " }, "query"],
  [{ query: "a", k: 0 }, "k"],
  [{ query: "a", k: 101 }, "k"],
  [{ query: "a", strategy: "best" }, "strategy"],
  [{ query: "a", fusion: "mean" }, "fusion"],
  [{ query: "a", weights: { dense: Number.NaN, sparse: 1 } }, "weights.dense"],
  [{ query: "\ud800" }, "query"],
  [{ query: "a", weights: { dense: 0, sparse: 0 } }, "weights"],
  [{ query: "a", vector: [1, 2, 3] }, "vector"],
  [{ query: "a", strategy: "sparse", vector: [1, 2, 3] }, "vector"],
  [{ query: "a", vector: Array(384).fill(0) }, "vector"],
  [{ query: "a", vector: Array(384).fill(1e-320) }, "vector"],
  [{ query: "a", vector: Array(384).fill(1e308) }, "vector"],
  [{ query: "a", vector: [Number.POSITIVE_INFINITY] }, "vector.0"],
  [{ query: "a", scopes: ["nowhere"] }, "scopes.0"],
  [{ query: "a".repeat(5_000) }, "query"],
])("a search for %j is refused, naming %s", async (input, path) => {
  await expect(store.search(TENANT, input as never)).rejects.toMatchObject({
    code: "invalid_argument",
    details: { path },
  });
});

test("a vector that is given counts, also for a single name; and nothing is near a query without a word", async () => {
  await add(text("a", "alpha"), text("b", "beta"));
  const [vector] = await hashingEmbedder.embed(["beta"]);
  const { hits, strategy } = await store.search(TENANT, { query: "alpha", vector: [...(vector ?? [])], k: 1 });
  expect(strategy).toBe("parallel");
  expect(hits).toHaveLength(1);
  const both = await store.search(TENANT, { query: "alpha", vector: [...(vector ?? [])], k: 2 });
  expect(both.hits.map(({ path, denseRank, sparseRank }) => [path, denseRank, sparseRank]).toSorted()).toEqual([
    ["a", 2, 1],
    ["b", 1, undefined],
  ]);
  for (const strategy of ["dense", "sparse", "parallel", "auto"] as const) {
    expect((await store.search(TENANT, { query: "((( +++", strategy })).hits).toEqual([]);
  }
});

test("what looks like the language of the index is only words", async () => {
  await add(text("a", "near or not and column"));
  for (const query of ['" OR *', "NEAR(a b)", "tokens:x", "a* -b ^c", "'; DROP TABLE words; --", "near AND NOT (or"]) {
    const { hits } = await store.search(TENANT, { query });
    expect(Array.isArray(hits)).toBe(true);
  }
  expect(await found("NEAR OR NOT", { strategy: "sparse" })).toEqual(["a@1"]);
});

test.each([
  [{ content: "\ud800" }, "documents.0.content"],
  [{ path: "../up" }, "documents.0.path"],
  [{ path: "/root" }, "documents.0.path"],
  [{ kind: "video" }, "documents.0.kind"],
  [{ origin: "" }, "documents.0.origin"],
  [{ scope: "team:x" }, "documents.0.scope"],
  [{ metadata: { "a b": 1 } }, "documents.0.metadata.a b"],
])("a document with %j is refused", async (wrong, path) => {
  const document = { ...text("a", "x"), ...wrong } as DocumentInput;
  await expect(store.add(TENANT, [document])).rejects.toMatchObject({ code: "invalid_argument", details: { path } });
});

test("a document that is too large, or too many, are refused", async () => {
  await expect(store.add(TENANT, [text("a", "x".repeat(4 * 1024 * 1024 + 1))])).rejects.toMatchObject({
    code: "payload_too_large",
  });
  await expect(
    store.add(
      TENANT,
      Array.from({ length: 1_001 }, () => text("a", "x")),
    ),
  ).rejects.toMatchObject({ code: "payload_too_large" });
});

test("readers see whole states while somebody writes", async () => {
  const versions = 12;
  const both = (n: number) => [text("left", `marker number${n}`), text("right", `marker number${n}`)];
  await add(...both(0));
  let done = false;
  const readers = Array.from({ length: 4 }, async () => {
    const seen = new Set<string>();
    while (!done) {
      const { hits } = await store.search(TENANT, { query: "marker", k: 4 });
      expect(hits).toHaveLength(2);
      expect(hits[0]?.chunk).toBe(hits[1]?.chunk);
      seen.add(hits[0]?.chunk ?? "");
    }
    return seen.size;
  });
  for (let n = 1; n <= versions; n += 1) await add(...both(n));
  done = true;
  for (const states of await Promise.all(readers)) expect(states).toBeGreaterThan(0);
  expect((await found("number12")).sort()).toEqual(["left@13", "right@13"]);
});

test("who follows a scope is told of every change in it, and of no other", async () => {
  const scope = "run:r1" as const;
  const end = new AbortController();
  const { revision } = await add(text("before", "x", { scope }));
  const seen: string[] = [];
  const following = (async () => {
    for await (const { path, version, removed } of store.changes(TENANT, scope, {
      afterRevision: revision,
      signal: end.signal,
    })) {
      seen.push(`${path}@${version}${removed ? " removed" : ""}`);
      if (seen.length === 3) end.abort();
    }
  })();
  const { id } = await add(text("a", "x", { scope }));
  await add(text("other", "x"));
  await expect.poll(() => seen).toContain("a@1");
  await store.remove(TENANT, id, { origin: "test" });
  await expect.poll(() => seen).toContain("a@2 removed");
  await add(text("b", "x", { scope }));
  await following;
  expect(seen).toEqual(["a@1", "a@2 removed", "b@1"]);
});

test("lists go on page by page, and filters narrow them", async () => {
  await add(...Array.from({ length: 7 }, (_, n) => text(`f${n}`, `${n}`, { metadata: { even: n % 2 === 0 } })));
  const first = await store.list(TENANT, { limit: 3 });
  const second = await store.list(TENANT, {
    limit: 4,
    ...(first.nextCursor !== undefined && { cursor: first.nextCursor }),
  });
  expect(new Set([...first.items, ...second.items].map(({ path }) => path)).size).toBe(7);
  expect(second.nextCursor).toBeUndefined();
  expect((await store.list(TENANT, { filter: "even=true" })).items).toHaveLength(4);
  await expect(store.list(TENANT, { filter: "even" })).rejects.toMatchObject({ code: "filters_invalid" });
});

test("a backup of the data folder brings the context along", async () => {
  await add(text("a", "the quick brown fox"));
  {
    await using data = await openSqliteStore({ dataDir: folder });
    await data.maintenance.backup(join(folder, "backup.tar"));
  }
  const restored = join(folder, "restored");
  await restoreBackup(join(folder, "backup.tar"), restored);
  await using other = openContextStore({ dataDir: restored });
  const { hits } = await other.search(TENANT, { query: "brown fox" });
  expect(hits).toMatchObject([{ path: "a", chunk: "the quick brown fox", denseRank: 1, sparseRank: 1 }]);
});
