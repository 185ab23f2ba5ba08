import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContextStore } from "./context-store.ts";
import { takeBack, type VersionFact } from "./database/take-back-plan.ts";
import { openContextStore } from "./open-context-store.ts";

const TENANT = "t";
const RUN = "run-1";
let folder: string;
let store: ContextStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-take-back-"));
  store = openContextStore({ dataDir: folder, readers: 1 });
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Writes texts by path, as a run or as somebody else; the id of the first. */
async function write(texts: Readonly<Record<string, string>>, runId?: string): Promise<string> {
  const inputs = Object.entries(texts).map(([path, content]) => {
    return { kind: "text", path, content, origin: runId ?? "person" } as const;
  });
  const { documents } = await store.add(TENANT, inputs, runId === undefined ? {} : { runId });
  return documents[0]?.id ?? "";
}

async function current(): Promise<Readonly<Record<string, string>>> {
  const { items } = await store.list(TENANT, { limit: 1_000 });
  const all = items.map(async ({ id, path = "" }) => [path, (await store.get(TENANT, id)).content] as const);
  return Object.fromEntries((await Promise.all(all)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const versions = async (id: string) =>
  (await store.history(TENANT, id)).map(({ version, runId, restores, removed }) => ({
    ...{ version, runId, restores, removed },
  }));

test("what a run wrote after a revision is as before, by versions that say so; what others wrote stays; twice is once", async () => {
  const shared = await write({ shared: "before", mine: "theirs" });
  await write({ early: "kept" }, RUN);
  const revision = await store.revision();
  await write({ shared: "changed", early: "changed", fresh: "new" }, RUN);
  await write({ shared: "changed again" }, RUN);
  await write({ mine: "theirs, later", other: "of another run" }, "run-2");
  const { items } = await store.list(TENANT);
  const mine = items.find(({ path }) => path === "mine")?.id ?? "";
  const told = { documents: 3, kept: 0, conflicts: [] };
  expect(await store.takeBack(TENANT, RUN, revision)).toEqual(told);
  const after = { early: "kept", mine: "theirs, later", other: "of another run", shared: "before" };
  expect(await current()).toEqual(after);
  const history = await versions(shared);
  expect(history[0]).toEqual({ version: 4, runId: RUN, restores: 1, removed: false });
  expect((await store.get(TENANT, shared, { version: 3 })).content).toBe("changed again");
  expect(await store.get(TENANT, shared)).toMatchObject({ origin: "person", content: "before" });
  expect(await versions(mine)).toHaveLength(2);
  const { hits } = await store.search(TENANT, { query: "changed new", strategy: "sparse" });
  expect(hits.map(({ path }) => path)).toEqual([]);
  expect(await store.takeBack(TENANT, RUN, revision)).toEqual(told);
  expect(await versions(shared)).toEqual(history);
  expect(await current()).toEqual(after);
});

test("a document that the run ended comes back, one that it made ends, also when it goes on and is taken back again", async () => {
  const id = await write({ notes: "of a person" });
  const revision = await store.revision();
  await store.remove(TENANT, id, { origin: RUN, runId: RUN });
  const made = await write({ made: "one" }, RUN);
  await store.takeBack(TENANT, RUN, revision);
  expect(await current()).toEqual({ notes: "of a person" });
  await write({ made: "two", notes: "by the run" }, RUN);
  const later = await store.revision();
  await write({ made: "three" }, RUN);
  await store.takeBack(TENANT, RUN, later);
  expect(await current()).toEqual({ made: "two", notes: "by the run" });
  await store.takeBack(TENANT, RUN, revision);
  expect(await current()).toEqual({ notes: "of a person" });
  expect((await versions(made))[0]).toEqual({ version: 6, runId: RUN, restores: 0, removed: true });
});

test("where somebody wrote on top of the run their version stays, and is told", async () => {
  const id = await write({ notes: "before" });
  const below = await write({ below: "before" });
  const revision = await store.revision();
  await write({ notes: "by the run", below: "by the run" }, RUN);
  await write({ notes: "by the run, and a person", below: "by the run, and a person" });
  await write({ below: "once more" }, RUN);
  const told = await store.takeBack(TENANT, RUN, revision);
  expect(told).toMatchObject({ documents: 0, kept: 2 });
  expect(told.conflicts.find((one) => one.id === id)).toEqual({
    ...{ id, scope: "global", kind: "text", path: "notes", version: 3, reason: "changed_since" },
  });
  expect(await current()).toEqual({ notes: "by the run, and a person", below: "by the run, and a person" });
  expect((await versions(below))[0]).toMatchObject({ restores: 3 });
  // A person who ended it has nothing of the run's left.
  await store.remove(TENANT, id, { origin: "person" });
  expect(await store.takeBack(TENANT, RUN, revision)).toMatchObject({ documents: 1, kept: 1 });
});

test("what was before and has been forgotten cannot come back: what the run wrote stays, and is told", async () => {
  await write({ notes: "before" });
  const revision = await store.revision();
  await write({ notes: "by the run" }, RUN);
  await store.compact(TENANT, new Date(Date.now() + 60_000).toISOString());
  const told = await store.takeBack(TENANT, RUN, revision);
  expect(told).toMatchObject({ documents: 0, kept: 1, conflicts: [{ path: "notes", reason: "forgotten" }] });
  expect(await current()).toEqual({ notes: "by the run" });
});

test("nothing of another tenant is taken back, and nothing is written once it is not wanted", async () => {
  await store.add("other", [{ kind: "text", path: "a", content: "x", origin: RUN }], { runId: RUN });
  expect(await store.takeBack(TENANT, RUN, 0)).toEqual({ documents: 0, kept: 0, conflicts: [] });
  expect((await store.list("other")).items).toHaveLength(1);
  await write({ a: "mine" }, RUN);
  await expect(store.takeBack(TENANT, RUN, 0, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  expect(await current()).toEqual({ a: "mine" });
});

test("more documents than are looked at together are all taken back", async () => {
  await write({ keep: "a person's" });
  for (const part of [0, 1]) {
    const texts = Array.from({ length: 130 }, (_, at) => [`${part}/${at}`, `text ${part} ${at}`]);
    await write(Object.fromEntries(texts) as Record<string, string>, RUN);
  }
  expect(await store.takeBack(TENANT, RUN, 0)).toMatchObject({ documents: 260, kept: 0 });
  expect(await current()).toEqual({ keep: "a person's" });
});

test("whatever the order of writes and rollbacks, nobody else's version is passed over, and a rollback leaves nothing to do", () => {
  type Version = VersionFact & { readonly by: "run" | "other" };
  const moves = fc.array(fc.oneof(fc.constant("run"), fc.constant("other"), fc.constant("back")), { maxLength: 12 });
  fc.assert(
    fc.property(moves, (all) => {
      const history: Version[] = [];
      const push = (by: "run" | "other", restores: number | null, removed: boolean) =>
        history.push({ version: history.length + 1, by, removed, isVoid: by === "run", restores });
      for (const move of all) {
        if (move !== "back") push(move as "run" | "other", null, false);
        else {
          const { restores } = takeBack(history);
          if (restores === undefined) continue;
          // What comes back is nothing, or what somebody else wrote last.
          const last = history.findLast(({ by }) => by === "other");
          expect(restores.version).toBe(last?.version ?? 0);
          push("run", restores.version, restores.removed);
          expect(takeBack(history).restores).toBeUndefined();
        }
      }
    }),
    { numRuns: 500 },
  );
});
