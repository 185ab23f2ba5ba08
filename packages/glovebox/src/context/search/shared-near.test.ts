import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HASHING_DIMENSIONS, hashingEmbedder, hashingVector } from "../embedders/hashing-embedder.ts";
import { openContextStore } from "../open-context-store.ts";
import type { PreparedQuery } from "./query.ts";
import { Searcher } from "./searcher.ts";
import { SharedNear } from "./shared-near.ts";

const TENANT = "t";
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-context-near-"));
  await using store = openContextStore({ dataDir: folder });
  const words = ["red", "green", "blue", "warm", "cold", "old"];
  const contents = Array.from({ length: 60 }, (_, n) => `${words[n % 6]} ${words[(n * 7 + 1) % 5]} number${n}`);
  await store.add(
    TENANT,
    contents.map((content, n) => ({ kind: "text", path: `d${n}`, content, origin: "test", metadata: { even: n % 2 } })),
  );
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const query: PreparedQuery = {
  tenantId: TENANT,
  tokens: ["red", "warm", "number7"],
  dense: {
    space: { embedder: hashingEmbedder.name, model: hashingEmbedder.model, dimensions: HASHING_DIMENSIONS },
    vector: hashingVector(["red", "warm", "number7"]),
  },
  fusion: "rrf",
  weights: { dense: 0.5, sparse: 0.5 },
  k: 10,
  rerankFactor: 10,
  nowMs: 0,
};

test("two threads find byte for byte what one finds, also while others ask", async () => {
  const asked = { query: "red warm number7", strategy: "parallel", filter: "even=1" } as const;
  const found: string[] = [];
  for (const readers of [1, 2, 4]) {
    await using store = openContextStore({ dataDir: folder, readers });
    for (const at of [1, 1, 3]) {
      const all = await Promise.all(Array.from({ length: at }, () => store.search(TENANT, asked)));
      found.push(...all.map((one) => JSON.stringify(one)));
    }
  }
  expect(JSON.parse(found[0] ?? "").hits).toHaveLength(10);
  expect(new Set(found).size).toBe(1);
});

test("what another thread found counts in the same state of the store only, and what does not come is looked for", () => {
  const db = new Database(join(folder, "context.db"), { readonly: true });
  try {
    const alone = new Searcher(db).search(query);
    const searcher = new Searcher(db);
    const shared = new SharedNear(100);
    searcher.near(query, shared.buffer);
    const near = shared.take(0);
    expect(near?.scored).toHaveLength(60);
    expect(searcher.search(query, shared.buffer)).toEqual(alone);
    const given = (revision: number) => {
      const to = new SharedNear(100);
      to.put({ revision, scored: [{ chunk: 5, score: 0.25 }] });
      return to.buffer;
    };
    const revision = near?.revision ?? 0;
    const used = searcher.search(query, given(revision));
    expect(used.filter(({ denseScore }) => denseScore !== undefined)).toMatchObject([{ path: "d4", denseScore: 0.25 }]);
    expect(searcher.search(query, given(revision - 1))).toEqual(alone);
    const [never, nothing] = [new SharedNear(100), new SharedNear(100)];
    nothing.put(undefined);
    expect(searcher.search(query, never.buffer)).toEqual(alone);
    expect(searcher.search(query, nothing.buffer)).toEqual(alone);
  } finally {
    db.close();
  }
});

test("a thread that waits goes on when the other says that nothing will come", async () => {
  const shared = new SharedNear(1);
  const source = `require("node:worker_threads").workerData.forEach((states) => {
    Atomics.store(states, 0, 2);
    Atomics.notify(states, 0);
  })`;
  const worker = new Worker(source, { eval: true, workerData: [new Int32Array(shared.buffer)] });
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  expect(shared.take(30_000)).toBeUndefined();
  await exited;
});
