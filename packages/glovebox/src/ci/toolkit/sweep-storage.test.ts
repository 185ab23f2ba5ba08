import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { systemClock } from "../../core/index.ts";
import { folderStorage, type StorageScope } from "./folder-storage.ts";
import { sweepStorage } from "./sweep-storage.ts";

const DAY_MS = 86_400_000;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "glovebox-sweep-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const open = (scope: Partial<StorageScope>) =>
  folderStorage(
    root,
    { tenantId: "t", repository: "acme/box", runId: "one", keptBy: "one", ...scope },
    { clock: systemClock, key: Buffer.alloc(32) },
  );
const sweep = (live: readonly string[], days = 2) =>
  sweepStorage(root, {
    nowMs: Date.now() + days * DAY_MS,
    inUse: async (ids) => new Set(ids.filter((id) => live.includes(id))),
  });
const names = async (scope: Partial<StorageScope>) => (await open(scope).artifacts.list()).map(({ name }) => name);

it("artifacts go with the last attempt of their run, and not before", async () => {
  await open({}).artifacts.put("a", Readable.from(["a"]));
  await open({ keptBy: "two" }).artifacts.put("b", Readable.from(["b"]));
  await open({ runId: "other", keptBy: "other" }).artifacts.put("c", Readable.from(["c"]));
  await open({ repository: "acme/old", runId: "old", keptBy: "old" }).artifacts.put("d", Readable.from(["d"]));
  // Too young, whoever is there.
  expect(await sweep([], 0)).toBe(0);
  expect(await sweep(["two", "other", "old"])).toBe(0);
  expect(await sweep(["one", "other"])).toBe(1);
  expect(await names({ repository: "acme/old", runId: "old" })).toEqual([]);
  expect([(await names({})).toSorted(), await names({ runId: "other" })]).toEqual([["a", "b"], ["c"]]);
  expect(await sweep(["other"])).toBe(1);
  expect([await names({}), await names({ runId: "other" })]).toEqual([[], ["c"]]);
});

it("uploads that nobody finished go after a week, caches stay, and what is empty goes", async () => {
  const { uploads, caches } = open({});
  await uploads.begin("x");
  await uploads.block("x", "1", Readable.from(["bytes"]));
  await caches.put("k", "v", Readable.from(["cache"]));
  expect(await sweep([], 6)).toBe(0);
  expect(await sweep([], 8)).toBe(1);
  expect(await uploads.read("x")).toBeUndefined();
  expect((await caches.find("k", [], "v"))?.name).toBe("k");
  const [own = ""] = await readdir(root);
  expect(await readdir(join(root, own))).toEqual(["caches"]);
});
