import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openForWriting } from "../connection.ts";
import { LogGrowth } from "./log-growth.ts";

let folder = "";
let db: Database;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-log-"));
  db = openForWriting(join(folder, "main.db"));
  db.exec("CREATE TABLE kept (n INTEGER)");
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});
const logBytes = () => statSync(join(folder, "main.db-wal")).size;

test("the log of a database at work is made long once, and nothing else changes", () => {
  const growth = new LogGrowth(db);
  const insert = db.prepare("INSERT INTO kept VALUES (?)");
  const cache = db.pragma("cache_size", { simple: true });
  growth.rest();
  expect(logBytes()).toBeLessThan(1 << 20);
  for (let n = 0; n < 32; n += 1) {
    insert.run(n);
    growth.noteCommit();
  }
  growth.rest();
  const grown = logBytes();
  expect(grown).toBeGreaterThan(15 << 20);
  expect(db.inTransaction).toBe(false);
  expect(db.pragma("cache_size", { simple: true })).toBe(cache);
  expect(db.prepare("SELECT name FROM sqlite_schema").pluck().all()).toEqual(["kept"]);
  insert.run(32);
  growth.rest();
  expect(logBytes()).toBe(grown);
  expect(db.prepare("SELECT count(*) FROM kept").pluck().get()).toBe(33);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
});

test("where there is no room for a longer log, the database works on", () => {
  const growth = new LogGrowth(db);
  for (let n = 0; n < 32; n += 1) growth.noteCommit();
  db.pragma("max_page_count = 50");
  growth.rest();
  expect(db.inTransaction).toBe(false);
  db.exec("INSERT INTO kept VALUES (1)");
  expect(db.prepare("SELECT count(*) FROM kept").pluck().get()).toBe(1);
});
