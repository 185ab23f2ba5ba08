import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { folderStorage, STORAGE_LIMITS } from "./folder-storage.ts";

let root: string;
let nowMs = 1_000;
const clock = {
  nowMs: () => {
    nowMs += 1;
    return nowMs;
  },
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "glovebox-storage-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function* bytes(text: string) {
  yield Buffer.from(text);
}

async function textOf(content: AsyncIterable<Uint8Array> | undefined): Promise<string | undefined> {
  if (content === undefined) return undefined;
  let text = "";
  for await (const piece of content) text += Buffer.from(piece).toString("utf8");
  return text;
}

const key = Buffer.alloc(32, 1);
const scope = { tenantId: "t", repository: "acme/widgets", runId: "1", keptBy: "1" };
const limits = { ...STORAGE_LIMITS, entryBytes: 10, cacheBytes: 20, artifactBytes: 15, artifacts: 2 };

it("keeps artifacts of a run, each name once unless it may be replaced, within bounds", async () => {
  const { artifacts } = folderStorage(root, scope, { clock, limits, key });
  await artifacts.put("a", bytes("12345"));
  await expect(artifacts.put("a", bytes("x"))).rejects.toMatchObject({ code: "already_exists" });
  await artifacts.put("a", bytes("1234567890"), { overwrite: true });
  await expect(artifacts.put("b", bytes("12345678901"))).rejects.toMatchObject({ code: "resource_exhausted" });
  await expect(artifacts.put("b", bytes("123456"))).rejects.toMatchObject({ code: "resource_exhausted" });
  await artifacts.put("b", bytes("12345"));
  await expect(artifacts.put("c", bytes(""))).rejects.toMatchObject({ code: "resource_exhausted" });
  for (const name of ["../x", "a/b", "", "a\0"]) {
    await expect(artifacts.put(name, bytes(""))).rejects.toMatchObject({ code: "invalid_argument" });
  }
  expect((await artifacts.list()).map(({ name, size }) => [name, size]).sort()).toEqual([
    ["a", 10],
    ["b", 5],
  ]);
  expect(await textOf(await artifacts.get("a"))).toBe("1234567890");
  expect(await artifacts.get("none")).toBeUndefined();
  const others = [
    { ...scope, runId: "2" },
    { ...scope, tenantId: "u" },
    { ...scope, repository: "acme/gadgets" },
  ];
  for (const other of others) expect(await folderStorage(root, other, { clock, key }).artifacts.list()).toEqual([]);
});

it("finds caches by key and version, else the newest by the first prefix that fits; the ones used longest ago go first", async () => {
  const { caches } = folderStorage(root, scope, { clock, limits, key });
  expect(await caches.put("deps-1", "v", bytes("11111111"))).toBe(true);
  expect(await caches.put("deps-1", "v", bytes("other"))).toBe(false);
  await caches.put("deps-2", "v", bytes("22222222"));
  expect((await caches.find("deps-1", [], "v"))?.name).toBe("deps-1");
  expect((await caches.find("deps-3", ["none-", "deps-"], "v"))?.name).toBe("deps-2");
  expect(await caches.find("deps-1", ["deps-"], "w")).toBeUndefined();
  expect(await textOf(await caches.get("deps-1", "v"))).toBe("11111111");
  await caches.put("deps-3", "v", bytes("33333333"));
  expect(await caches.find("deps-2", [], "v")).toBeUndefined();
  expect((await caches.find("deps-1", [], "v"))?.name).toBe("deps-1");
  for (const key of ["", "a,b", "x".repeat(513)]) {
    await expect(caches.put(key, "v", bytes(""))).rejects.toMatchObject({ code: "invalid_argument" });
  }
});

it("leaves nothing of what breaks off in the middle", async () => {
  const { caches } = folderStorage(root, scope, { clock, limits, key });
  async function* broken() {
    yield Buffer.from("1");
    throw new Error("broken off");
  }
  await expect(caches.put("k", "v", broken())).rejects.toThrow("broken off");
  expect(await caches.find("k", [], "v")).toBeUndefined();
  const files = await readdir(root, { recursive: true });
  expect(files.filter((file) => /\.(part|tar|json)$/.test(file))).toEqual([]);
});
