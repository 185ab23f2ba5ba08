import { mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contentDigest } from "./content-digest.ts";
import { extentsOf } from "./extents.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "glovebox-digest-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test("a hole and zeros written out are the same, and every other difference shows", async () => {
  const path = join(dir, "disk");
  const size = 3 * 1_048_576 + 17;
  await writeFile(path, "");
  await truncate(path, size);
  const empty = await contentDigest(path);
  await writeFile(path, Buffer.alloc(size));
  expect(await contentDigest(path)).toBe(empty);
  const seen = new Set([empty]);
  // One byte at the edges of blocks and of reads, the same byte elsewhere, and lengths that end in zeros.
  for (const at of [0, 65_535, 65_536, 1_048_575, 1_048_576, size - 1]) {
    await writeFile(path, Buffer.alloc(size));
    await using file = await open(path, "r+");
    await file.write(Buffer.from([1]), 0, 1, at);
    seen.add(await contentDigest(path));
  }
  for (const length of [0, 1, 65_536, size + 1]) {
    await writeFile(path, Buffer.alloc(length));
    seen.add(await contentDigest(path));
  }
  expect(seen.size).toBe(11);
});

test("only what holds data is read", async () => {
  const path = join(dir, "disk");
  await writeFile(path, "");
  await truncate(path, 64 * 1_048_576);
  await using file = await open(path, "r+");
  await file.write(Buffer.alloc(100, 7), 0, 100, 32 * 1_048_576 + 5);
  await file.sync();
  const extents = await extentsOf(file);
  expect(extents).toHaveLength(1);
  const [{ offset, end } = { offset: -1, end: -1 }] = extents;
  expect([offset <= 32 * 1_048_576 + 5, end >= 32 * 1_048_576 + 105, end - offset <= 2 * 1_048_576]).toEqual([
    true,
    true,
    true,
  ]);
});

test("contents that differ have digests that differ", async () => {
  const path = join(dir, "file");
  // Behind a hole, so that holes are asked for.
  const digestOf = async (content: Uint8Array) => {
    await writeFile(path, "");
    await truncate(path, 2 * 1_048_576);
    await using file = await open(path, "r+");
    await file.write(content, 0, content.length, 2 * 1_048_576);
    return contentDigest(path);
  };
  const content = fc.array(fc.constantFrom(0, 0, 0, 1, 2), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(content, content, async (one, other) => {
      const [a, b] = [one, other].map((bytes) => Buffer.concat(bytes.map((byte) => Buffer.alloc(65_536, byte))));
      if (a === undefined || b === undefined) throw new Error("two contents");
      expect((await digestOf(a)) === (await digestOf(b))).toBe(a.equals(b));
    }),
    { numRuns: 40 },
  );
});

test("it ends when it is no longer wanted", async () => {
  const path = join(dir, "file");
  await writeFile(path, "x");
  await expect(contentDigest(path, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});
