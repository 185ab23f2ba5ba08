import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GloveboxError } from "../../core/index.ts";
import type { Embedder } from "../../models/index.ts";
import type { ContextStore } from "../context-store.ts";
import { openContextStore } from "../open-context-store.ts";

/** A loaded machine takes its time to begin threads. */
const PATIENT = { timeout: 30_000, interval: 100 };

let folder: string;
let store: ContextStore | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-embedding-"));
});

afterEach(async () => {
  await store?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Says that "sea" and "ocean" are the same, which words alone do not tell. */
function embedderOf(
  dimensions: number,
  gate: Promise<void> = Promise.resolve(),
): Embedder & { readonly texts: string[] } {
  const texts: string[] = [];
  return {
    name: "test",
    model: `m${dimensions}`,
    dimensions,
    texts,
    async embed(asked) {
      await gate;
      texts.push(...asked);
      return asked.map((text) => {
        const vector = new Float32Array(dimensions);
        vector[/sea|ocean/.test(text) ? 0 : 1] = 1;
        return vector;
      });
    },
  };
}

const add = (...contents: readonly string[]) =>
  store?.add(
    "t",
    contents.map((content) => ({ kind: "text", path: content.slice(0, 5), content, origin: "test" })),
  );
const nearest = async (query: string) => (await store?.search("t", { query, strategy: "dense", k: 1 }))?.hits[0]?.chunk;

test("until all vectors are there words alone are searched, and nearness is refused", async () => {
  store = openContextStore({ dataDir: folder });
  await add("the wide ocean", "a small house");
  await store[Symbol.asyncDispose]();
  const gate = Promise.withResolvers<void>();
  store = openContextStore({ dataDir: folder, embedder: embedderOf(8, gate.promise) });
  const words = await store.search("t", { query: "ocean wide" });
  expect(words).toMatchObject({
    strategy: "sparse",
    wordsOnly: { reason: "indexing" },
    hits: [{ chunk: "the wide ocean" }],
  });
  await expect(store.search("t", { query: "sea", strategy: "dense" })).rejects.toMatchObject({ code: "unavailable" });
  gate.resolve();
  await expect.poll(async () => (await store?.search("t", { query: "sea" }))?.wordsOnly, PATIENT).toBeUndefined();
  expect(await nearest("sea")).toBe("the wide ocean");
});

test("a store can be closed while its embedder does not answer", async () => {
  const embedder = embedderOf(8, new Promise(() => {}));
  store = openContextStore({ dataDir: folder, embedder });
  await add("the wide ocean");
});

test("a text is asked about once, and another model begins anew without mixing with the old one", async () => {
  const first = embedderOf(8);
  store = openContextStore({ dataDir: folder, embedder: first });
  await add("the wide ocean", "a small house");
  await expect.poll(() => nearest("sea").catch(() => ""), PATIENT).toBe("the wide ocean");
  await store.add("t", [{ kind: "text", path: "again", content: "the wide ocean", origin: "test" }]);
  await add("more of it");
  await expect.poll(() => first.texts, PATIENT).toContain("more of it");
  expect(first.texts.filter((text) => text === "the wide ocean")).toHaveLength(1);
  await store[Symbol.asyncDispose]();
  const second = embedderOf(16);
  store = openContextStore({ dataDir: folder, embedder: second });
  await expect.poll(() => nearest("ocean").catch(() => ""), PATIENT).toContain("ocean");
  expect(new Set(second.texts)).toEqual(new Set(["the wide ocean", "a small house", "more of it", "ocean"]));
  await expect(store.search("t", { query: "x", vector: Array(8).fill(1) })).rejects.toMatchObject({
    code: "invalid_argument",
  });
});

test("an embedder that fails is asked again, and the store goes on without it", async () => {
  let failures = 2;
  const embedder = embedderOf(8);
  const failing: Embedder = {
    ...embedder,
    embed: (texts) =>
      failures-- > 0 ? Promise.reject(new GloveboxError("model_unavailable", "nobody there")) : embedder.embed(texts),
  };
  store = openContextStore({ dataDir: folder, embedder: failing });
  await add("the wide ocean");
  expect((await store.search("t", { query: "ocean wide" })).hits).toHaveLength(1);
  await expect.poll(() => nearest("sea").catch(() => ""), PATIENT).toBe("the wide ocean");
});
