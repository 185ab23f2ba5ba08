import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aStream, lines } from "../../../../../../conformance/stores/entities.ts";
import { openSqliteStore, restoreBackup } from "../../index.ts";
import { dataFolder } from "../data-folder.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { makeArchive } from "./make-archive.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-archive-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("an archive holds the databases, the event files and the blobs, and tar reads it", () =>
  inFolder(async (folder) => {
    const dataDir = join(folder, "data");
    const stream = aStream();
    let hash = "";
    {
      await using store = await openSqliteStore({ dataDir });
      await store.events.append(stream, lines("a"));
      hash = (await store.blobs.put(Buffer.alloc(700_000, "b"))).hash;
      const files = { archive: join(folder, "a.tar"), scratch: join(folder, "scratch.db") };
      const made = await makeArchive({ folder: dataFolder(dataDir), ...files, nowMs: 0 });
      expect(made.bytes % 512).toBe(0);
    }
    await restoreBackup(join(folder, "a.tar"), join(folder, "restored"));
    await using store = await openSqliteStore({ dataDir: join(folder, "restored") });
    expect(await store.events.read(stream)).toHaveLength(1);
    expect(await store.blobs.has(hash)).toBe(true);
  }));

test("a file that has gone is left out, and an archive that cannot be written fails instead of waiting", () =>
  inFolder(async (folder) => {
    const archive = new ArchiveWriter(join(folder, "a.tar"), 0);
    expect(await archive.addFile("blobs/x", join(folder, "gone"))).toBeUndefined();
    await archive.addText("manifest.json", "{}");
    const { sha256 } = await archive.finish();
    expect(sha256).toHaveLength(64);
    expect((await readFile(join(folder, "a.tar"))).subarray(0, 13).toString()).toBe("manifest.json");
    const large = join(folder, "large");
    await writeFile(large, Buffer.alloc(3_000_000));
    const nowhere = new ArchiveWriter(join(folder, "no", "such", "a.tar"), 0);
    await expect(nowhere.addFile("x", large)).rejects.toMatchObject({ code: "ENOENT" });
  }));
