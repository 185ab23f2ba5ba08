import { mkdtempSync, statSync } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sparseMove } from "./sparse-copy.ts";

const SIZE = 64 << 20;

test("a file with holes is moved with them, within a file system and to another", async ({ skip }) => {
  skip(statSync("/dev/shm", { throwIfNoEntry: false }) === undefined, "there is no second file system");
  const [one, other] = [mkdtempSync(join(tmpdir(), "glovebox-move-")), mkdtempSync("/dev/shm/glovebox-move-")];
  try {
    const file = await open(join(one, "a"), "w");
    await file.truncate(SIZE);
    await file.write("in the middle", SIZE / 2);
    await file.close();
    await sparseMove(join(one, "a"), join(one, "b"));
    await sparseMove(join(one, "b"), join(other, "c"));
    expect(statSync(join(one, "a"), { throwIfNoEntry: false })).toBeUndefined();
    expect(statSync(join(one, "b"), { throwIfNoEntry: false })).toBeUndefined();
    const { size, blocks } = statSync(join(other, "c"));
    expect(size).toBe(SIZE);
    expect(blocks * 512).toBeLessThan(1 << 20);
    expect((await readFile(join(other, "c"))).subarray(SIZE / 2, SIZE / 2 + 13).toString()).toBe("in the middle");
    await expect(sparseMove(join(one, "gone"), join(one, "d"))).rejects.toMatchObject({ code: "ENOENT" });
  } finally {
    for (const dir of [one, other]) await rm(dir, { recursive: true });
  }
});
