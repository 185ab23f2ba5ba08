import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aStream, lines } from "../../../../../conformance/stores/entities.ts";
import { openSqliteStore } from "../index.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-open-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a second store on the same folder is refused, naming the holder, until the first lets go", async () => {
  const dataDir = join(folder, "data");
  const first = await openSqliteStore({ dataDir });
  const holder = JSON.parse(await readFile(join(dataDir, "lock.json"), "utf8"));
  expect(holder).toMatchObject({ pid: process.pid, host: hostname(), startTicks: expect.any(Number) });
  await expect(openSqliteStore({ dataDir })).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(`process ${process.pid} on ${hostname()}, since `),
    details: { holder },
  });
  await first[Symbol.asyncDispose]();
  await using second = await openSqliteStore({ dataDir });
  expect(await second.settings.get("x")).toBeUndefined();
});

test("another process cannot have the folder, and one that dies leaves it free", async () => {
  const dataDir = join(folder, "data");
  const child = spawn(
    process.execPath,
    ["--conditions=development", join(import.meta.dirname, "../testdata/crash-child.ts"), dataDir, "1"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise((resolve) => child.stdout.once("data", resolve));
  await expect(openSqliteStore({ dataDir })).rejects.toMatchObject({
    code: "unavailable",
    details: { holder: { pid: child.pid } },
  });
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  const warnings: string[] = [];
  const logger = {
    debug: () => {},
    info: () => {},
    warn: (_fields: Record<string, unknown>, message: string) => void warnings.push(message),
    error: () => {},
    child: () => logger,
  };
  await using store = await openSqliteStore({ dataDir, logger });
  expect(warnings.join()).toContain("took over the data folder");
  expect(await store.sessions.live()).toHaveLength(1);
});

test("everything in the folder is for its owner only, and a clean end leaves no logs behind", async () => {
  const dataDir = join(folder, "data");
  {
    await using store = await openSqliteStore({ dataDir });
    await store.events.append(aStream(), lines("secret"));
    await store.blobs.put(Buffer.from("secret"));
    for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o077]).toEqual([entry.name, 0]);
    }
  }
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  const left = await readdir(dataDir, { recursive: true });
  expect(left.filter((name) => /-(wal|shm|journal)$|lock\.json/.test(name))).toEqual([]);
});

test("a folder that cannot be made or written to is a clear `store_failed`", async () => {
  await writeFile(join(folder, "file"), "x");
  await expect(openSqliteStore({ dataDir: join(folder, "file", "data") })).rejects.toMatchObject({
    code: "store_failed",
    message: expect.stringContaining("could not make the data folder"),
  });
  // Read-only even for root.
  await expect(openSqliteStore({ dataDir: "/proc/self/data" })).rejects.toMatchObject({ code: "store_failed" });
});

test("a damaged database is a clear `store_failed`", async () => {
  const dataDir = join(folder, "data");
  await mkdir(dataDir);
  await writeFile(join(dataDir, "glovebox.db"), "this is no database, whatever its name says".repeat(100));
  await expect(openSqliteStore({ dataDir })).rejects.toMatchObject({
    code: "store_failed",
    message: expect.stringContaining("a database file is damaged"),
  });
  // The lock was let go of.
  await rm(join(dataDir, "glovebox.db"));
  await using store = await openSqliteStore({ dataDir });
  expect(store).toBeDefined();
});

test("a damaged event file fails the streams in it, and the store goes on", async () => {
  const dataDir = join(folder, "data");
  await using store = await openSqliteStore({ dataDir });
  const old = aStream({ id: "019f0000-0000-7000-8000-000000000000" });
  await writeFile(join(dataDir, "events", "events-20260622.db"), "no database at all, but of some length".repeat(100));
  await expect(store.events.append(old, lines("x"))).rejects.toMatchObject({ code: "store_failed" });
  await expect(store.events.read(old)).rejects.toMatchObject({ code: "store_failed" });
  expect(await store.events.append(aStream(), lines("x"))).toEqual({ firstSeq: 1, lastSeq: 1 });
});

test("an older server refuses a newer folder and touches nothing", async () => {
  const dataDir = join(folder, "data");
  await (await openSqliteStore({ dataDir }))[Symbol.asyncDispose]();
  const db = new Database(join(dataDir, "glovebox.db"));
  db.pragma("user_version = 99");
  db.close();
  await expect(openSqliteStore({ dataDir })).rejects.toMatchObject({
    code: "store_failed",
    message: expect.stringMatching(/schema version 99.*newer Glovebox/),
    details: { found: 99 },
  });
});

test("more event files than may be open at once all stay usable", async () => {
  await using store = await openSqliteStore({ dataDir: join(folder, "data") });
  const weekMs = 7 * 86_400_000;
  const streams = Array.from({ length: 20 }, (_, i) => {
    const time = (0x019f00000000 + i * weekMs).toString(16).padStart(12, "0");
    return aStream({ id: `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000` });
  });
  for (const round of [1, 2]) {
    for (const stream of streams) {
      expect((await store.events.append(stream, lines("x"))).lastSeq).toBe(round);
      expect(await store.events.read(stream)).toHaveLength(round);
    }
  }
  expect((await readdir(join(folder, "data", "events"))).filter((name) => name.endsWith(".db"))).toHaveLength(20);
});
