import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  anExecution,
  aSession,
  aStream,
  INTERNALS,
  lines,
  TENANT,
} from "../../../../../../conformance/stores/entities.ts";
import { openSqliteStore, restoreBackup, type Store } from "../../index.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-backup-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fill(store: Store): Promise<{ executionId: string; hash: string }> {
  const session = aSession();
  await store.sessions.create(session, INTERNALS);
  const execution = anExecution(session.id);
  await store.executions.create(execution);
  await store.events.append(aStream({ id: execution.id }), lines("a", "b"), { n: 2 });
  const { hash } = await store.blobs.put(Buffer.alloc(1_000_000, "blob"));
  return { executionId: execution.id, hash };
}

test("a backup made while writing goes on is restored whole, and every row has its events", async () => {
  const file = join(folder, "backup.tar");
  const created: string[] = [];
  const made = await (async () => {
    await using store = await openSqliteStore({ dataDir: join(folder, "data") });
    const filled = await fill(store);
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    let going = true;
    const writing = (async () => {
      while (going) {
        const execution = anExecution(session.id);
        await store.events.append(aStream({ id: execution.id }), lines("first"));
        await store.executions.create(execution);
        created.push(execution.id);
      }
    })();
    while (created.length < 50) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = created.length;
    const result = await store.maintenance.backup(file);
    going = false;
    await writing;
    expect(result.bytes).toBe((await stat(file)).size);
    expect(result.sha256).toBe(
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    return { ...filled, before };
  })();
  expect(await readdir(folder)).toEqual(["backup.tar", "data"]);
  const dataDir = join(folder, "restored");
  expect((await restoreBackup(file, dataDir)).files).toBe(3);
  await using store = await openSqliteStore({ dataDir });
  expect(await store.events.state(aStream({ id: made.executionId }))).toEqual({ state: { n: 2 }, lastSeq: 2 });
  let size = 0;
  for await (const chunk of store.blobs.get(made.hash)) size += chunk.byteLength;
  expect(size).toBe(1_000_000);
  for (const id of created.slice(0, made.before)) expect(await store.executions.get(TENANT, id)).toBeDefined();
  for (const id of created) {
    if ((await store.executions.get(TENANT, id)) === undefined) continue;
    expect(await store.events.read(aStream({ id }))).toHaveLength(1);
  }
});

test("a backup overwrites nothing, can be cancelled, and leaves no piece behind", async () => {
  await using store = await openSqliteStore({ dataDir: join(folder, "data") });
  await fill(store);
  const file = join(folder, "backup.tar");
  await writeFile(file, "precious");
  await expect(store.maintenance.backup(file)).rejects.toMatchObject({ code: "already_exists" });
  expect(await readFile(file, "utf8")).toBe("precious");
  const abort = new AbortController();
  const cancelled = store.maintenance.backup(join(folder, "second.tar"), abort.signal);
  setTimeout(() => abort.abort(), 1);
  await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
  await expect(store.maintenance.backup(join(folder, "third.tar"), AbortSignal.abort())).rejects.toMatchObject({
    code: "cancelled",
  });
  await expect(store.maintenance.backup(join(folder, "no", "such", "folder.tar"))).rejects.toMatchObject({
    code: "store_failed",
  });
  expect((await readdir(folder)).sort()).toEqual(["backup.tar", "data"]);
});

test("a backup is restored into a new folder only, and any damage is noticed", async () => {
  const file = join(folder, "backup.tar");
  {
    await using store = await openSqliteStore({ dataDir: join(folder, "data") });
    await fill(store);
    await store.maintenance.backup(file);
  }
  await expect(restoreBackup(file, join(folder, "data"))).rejects.toMatchObject({ code: "already_exists" });
  const good = await readFile(file);
  const damaged = join(folder, "damaged.tar");
  const target = join(folder, "restored");
  for (const at of [0, 600, 5000, Math.floor(good.length / 2), good.length - 3000]) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    await writeFile(damaged, bad);
    await expect(restoreBackup(damaged, target)).rejects.toMatchObject({ code: "snapshot_corrupt" });
  }
  for (const length of [0, 511, 1024, Math.floor(good.length / 2), good.length - 4096]) {
    await writeFile(damaged, good.subarray(0, length));
    await expect(restoreBackup(damaged, target)).rejects.toMatchObject({ code: "snapshot_corrupt" });
  }
  await expect(restoreBackup(join(folder, "none.tar"), target)).rejects.toMatchObject({ code: "store_failed" });
  // A size that cannot be read, under a checksum that is right.
  const sizeless = Buffer.from(good);
  sizeless.writeUInt8(0x81, 124);
  sizeless.fill(" ", 148, 156);
  const sum = sizeless.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  sizeless.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  await writeFile(damaged, sizeless);
  await expect(restoreBackup(damaged, target)).rejects.toMatchObject({ code: "snapshot_corrupt" });
  expect((await readdir(folder)).sort()).toEqual(["backup.tar", "damaged.tar", "data"]);
  await mkdir(target);
  await restoreBackup(file, target);
  expect((await readdir(target)).sort()).toEqual(["blobs", "events", "glovebox.db"]);
});

test("a hostile archive writes nothing outside, whatever its entries are called", async () => {
  const file = join(folder, "hostile.tar");
  const hostile: readonly (readonly [string, "file" | "symlink"])[] = [
    ["../evil", "file"],
    ["/tmp/evil", "file"],
    ["events/../../evil.db", "file"],
    ["blobs/ab/../../../x", "file"],
    ["glovebox.db", "symlink"],
    ["glovebox.db-wal", "file"],
  ];
  for (const [name, type] of hostile) {
    const archive = pack();
    if (type === "symlink") archive.entry({ name, type, linkname: "/etc/passwd" });
    else archive.entry({ name, type }, "x");
    archive.finalize();
    await pipeline(archive as unknown as NodeJS.ReadableStream, createWriteStream(file));
    await expect(restoreBackup(file, join(folder, "restored"))).rejects.toMatchObject({
      code: "snapshot_corrupt",
      message: expect.stringContaining("unexpected entry"),
    });
    expect(await readdir(folder)).toEqual(["hostile.tar"]);
  }
});

test("a manifest that is not ours, of another version, or does not fit is refused", async () => {
  const file = join(folder, "odd.tar");
  const cases: readonly (readonly [string, string])[] = [
    ["not json", "snapshot_corrupt"],
    ["{}", "snapshot_corrupt"],
    ["null", "snapshot_corrupt"],
    ['{"format":"glovebox-backup","version":1,"files":[null]}', "snapshot_corrupt"],
    ['{"format":"glovebox-backup","version":2,"files":[]}', "snapshot_incompatible"],
    ['{"format":"glovebox-backup","version":1,"files":[]}', "snapshot_corrupt"],
    [
      '{"format":"glovebox-backup","version":1,"files":[{"path":"glovebox.db","size":1,"sha256":""}]}',
      "snapshot_corrupt",
    ],
  ];
  for (const [manifest, code] of cases) {
    const archive = pack();
    archive.entry({ name: "manifest.json" }, manifest);
    archive.finalize();
    await pipeline(archive as unknown as NodeJS.ReadableStream, createWriteStream(file));
    await expect(restoreBackup(file, join(folder, "restored"))).rejects.toMatchObject({ code });
  }
});
