import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FileBlobStore } from "./file-blobs.ts";

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.byteLength;
  return size;
}

test("a blob that was damaged on disk is noticed when it is read, and healed when it is stored again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-blobs-"));
  try {
    const blobs = new FileBlobStore(folder, undefined);
    await blobs.prepare();
    const data = Buffer.alloc(600_000, "x");
    const { hash } = await blobs.put(data);
    await writeFile(join(folder, hash.slice(0, 2), hash), Buffer.alloc(600_000, "y"));
    await expect(drain(blobs.get(hash))).rejects.toMatchObject({ code: "store_failed", details: { hash } });
    await blobs.put(data);
    expect(await drain(blobs.get(hash))).toBe(data.length);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("what a crash left half written is removed at the next start", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-blobs-"));
  try {
    const blobs = new FileBlobStore(folder, undefined);
    await blobs.prepare();
    await writeFile(join(folder, "unfinished", "left"), "half");
    await blobs.prepare();
    expect(await readdir(join(folder, "unfinished"))).toEqual([]);
    const abandoned = (async function* () {
      yield Buffer.from("half");
      throw new Error("gone");
    })();
    await expect(blobs.put(abandoned)).rejects.toThrow(/gone/);
    expect(await readdir(folder, { recursive: true })).toEqual(["unfinished"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("an old blob is deleted, but never one that is being put again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-blobs-"));
  try {
    const blobs = new FileBlobStore(folder, undefined);
    await blobs.prepare();
    const data = Buffer.from("the same again");
    const { hash } = await blobs.put(data);
    const minuteAgo = () => Date.now() - 60_000;
    expect(blobs.deleteIfOld(hash, minuteAgo())).toBe(false);
    for (let round = 0; round < 30; round += 1) {
      await utimes(join(folder, hash.slice(0, 2), hash), 0, 0);
      let isPut = false;
      const put = blobs.put(data).finally(() => {
        isPut = true;
      });
      while (!isPut) {
        blobs.deleteIfOld(hash, minuteAgo());
        await new Promise((resolve) => setImmediate(resolve));
      }
      await put;
      expect(await blobs.has(hash)).toBe(true);
    }
    await utimes(join(folder, hash.slice(0, 2), hash), 0, 0);
    expect(blobs.deleteIfOld(hash, minuteAgo())).toBe(true);
    expect(await blobs.has(hash)).toBe(false);
    expect(blobs.deleteIfOld(hash, minuteAgo())).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
});
