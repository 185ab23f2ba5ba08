import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { migrateFile } from "../migrate.ts";
import { MAIN_MIGRATIONS } from "../migrations/index.ts";
import type { SqlRequest, StreamRequest, WriteReply } from "./messages.ts";
import { commitTogether } from "./transaction.ts";
import { Writer } from "./writer.ts";

let folder = "";
let writer: Writer;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "glovebox-writer-"));
  mkdirSync(join(folder, "events"));
  migrateFile(join(folder, "main.db"), MAIN_MIGRATIONS, folder, 0);
  writer = new Writer({ mainFile: join(folder, "main.db"), eventsFolder: join(folder, "events") });
});
afterEach(() => {
  writer.close();
  rmSync(folder, { recursive: true, force: true });
});

const set = (id: number, key: string, extra: Partial<SqlRequest> = {}): SqlRequest => ({
  type: "sql",
  id,
  statements: [{ sql: "INSERT INTO settings (key, value) VALUES (?, ?)", parameters: [key, "1"] }],
  ...extra,
});
const stream = { file: "events-20261116.db", tenantId: "t", kind: "run", streamId: "s", tsMs: 5 } as const;
const append = (id: number, ...texts: string[]): StreamRequest => ({
  type: "append",
  id,
  ...stream,
  types: texts.map(() => "stdout"),
  payloads: texts,
});
const keys = () => {
  const db = new Database(join(folder, "main.db"), { readonly: true });
  try {
    return db.prepare("SELECT key FROM settings ORDER BY key").pluck().all();
  } finally {
    db.close();
  }
};
const outcome = (replies: readonly WriteReply[]) => replies.map(({ id, type }) => `${id} ${type}`);

test("a unit that fails among others is undone whole and alone", () => {
  const twoSteps = set(2, "b", {
    statements: [
      ...set(2, "b").statements,
      { sql: "INSERT INTO settings (key, value) VALUES ('a', '2')", parameters: [] },
    ],
  });
  const guarded = set(3, "c", {
    statements: [
      ...set(3, "c").statements,
      { sql: "SELECT 1 FROM settings WHERE key = 'zzz'", parameters: [], expect: "row" },
    ],
  });
  const replies = writer.process([set(1, "a"), twoSteps, guarded, set(4, "d")]);
  expect(outcome(replies)).toEqual(["1 done", "2 failed", "3 unmet", "4 done"]);
  expect(replies[1]).toMatchObject({ code: "SQLITE_CONSTRAINT_PRIMARYKEY", index: 1 });
  expect(keys()).toEqual(["a", "d"]);
  expect(outcome(writer.process([guarded]))).toEqual(["3 unmet"]);
  expect(keys()).toEqual(["a", "d"]);
});

test("what follows a stream is done after it, in the same batch or a later one, and not at all when that failed", () => {
  const following = (id: number, key: string) => set(id, key, { after: stream });
  expect(outcome(writer.process([set(1, "a"), append(2, '"x"'), following(3, "b"), append(4, '"y"')]))).toEqual([
    "1 done",
    "2 appended",
    "3 done",
    "4 appended",
  ]);
  const broken = { ...append(5, '"z"'), payloads: [{} as unknown as string] } as StreamRequest;
  const close: StreamRequest = { type: "close", id: 6, ...stream };
  expect(outcome(writer.process([broken, close, following(7, "c")]))).toEqual(["5 failed", "6 changed", "7 failed"]);
  expect(outcome(writer.process([following(8, "d")]))).toEqual(["8 failed"]);
  expect(keys()).toEqual(["a", "b"]);
});

test("each kind of expectation is checked", () => {
  const expecting = (id: number, sql: string, expect: "row" | "no_row" | "change"): SqlRequest => ({
    type: "sql",
    id,
    statements: [{ sql, parameters: [], expect }],
  });
  const replies = writer.process([
    expecting(1, "SELECT 1", "row"),
    expecting(2, "SELECT 1", "no_row"),
    expecting(3, "SELECT 1 WHERE 0", "no_row"),
    expecting(4, "DELETE FROM settings", "change"),
    expecting(5, "INSERT INTO settings VALUES ('x', '1')", "change"),
  ]);
  expect(outcome(replies)).toEqual(["1 done", "2 unmet", "3 done", "4 unmet", "5 done"]);
});

test("requests to event files keep their order, also around the end of a stream", () => {
  const replies = writer.process([
    append(1, '"a"', '"b"'),
    append(2, '"c"'),
    { type: "close", id: 3, ...stream },
    append(4, '"d"'),
    { type: "remove", id: 5, ...stream, unlessAfterMs: 4 },
    { type: "remove", id: 6, ...stream, unlessAfterMs: 5 },
    append(7, '"e"'),
    { type: "remove", id: 8, ...stream, streamId: "unknown" },
  ]);
  expect(outcome(replies)).toEqual([
    "1 appended",
    "2 appended",
    "3 changed",
    "4 closed",
    "5 changed",
    "6 changed",
    "7 appended",
    "8 changed",
  ]);
  expect(replies[1]).toMatchObject({ firstSeq: 3, lastSeq: 3 });
  expect(replies[4]).toMatchObject({ events: -1 });
  expect(replies[5]).toMatchObject({ events: 3 });
  expect(replies[6]).toMatchObject({ firstSeq: 1, lastSeq: 1 });
});

test("a file is dropped only when nothing has come since it was judged", () => {
  const drop = (id: number, unlessAfterMs: number, streams: number) =>
    ({ type: "drop", id, file: stream.file, unlessAfterMs, streams }) as const;
  const replies = writer.process([append(1, '"a"', '"b"'), drop(2, 4, 1), drop(3, 5, 2), drop(4, 5, 1), drop(5, 5, 1)]);
  expect(replies.map((reply) => (reply.type === "changed" ? reply.events : reply.type))).toEqual([
    "appended",
    -1,
    -1,
    2,
    0,
  ]);
  expect(writer.process([append(6, '"c"')])[0]).toMatchObject({ firstSeq: 1 });
});

test("a file that cannot be opened fails its own requests only", () => {
  writeFileSync(
    join(folder, "events", "events-20261109.db"),
    "not a database, but long enough to be looked at".repeat(90),
  );
  const broken: StreamRequest = { ...append(2, '"x"'), file: "events-20261109.db" };
  const replies = writer.process([set(1, "a"), broken, append(3, '"y"')]);
  expect(replies.map(({ id, type }) => `${id} ${type}`).sort()).toEqual(["1 done", "2 failed", "3 appended"]);
  const drop = { type: "drop", id: 4, file: "events-20261109.db", unlessAfterMs: 1, streams: 0 } as const;
  expect(outcome(writer.process([drop]))).toEqual(["4 failed"]);
});

test("when the disk is full under a transaction, what fits is written and only the rest fails", () => {
  const db = new Database(join(folder, "small.db"));
  db.exec("CREATE TABLE t (id INTEGER, data TEXT)");
  db.pragma("max_page_count = 20");
  let undone = 0;
  const unit = (id: number, size: number) => ({
    id,
    apply: (): WriteReply => {
      db.prepare("INSERT INTO t VALUES (?, ?)").run(id, "x".repeat(size));
      return { id, type: "done", results: [] };
    },
  });
  const replies = commitTogether(db, [unit(1, 10), unit(2, 1_000_000), unit(3, 10)], () => {
    undone += 1;
  });
  expect(outcome(replies)).toEqual(["1 done", "2 failed", "3 done"]);
  expect(replies[1]).toMatchObject({ code: "SQLITE_FULL" });
  expect(undone).toBeGreaterThan(0);
  expect(db.prepare("SELECT id FROM t ORDER BY id").pluck().all()).toEqual([1, 3]);
  db.close();
});

test("a database that another process holds locked fails the units at once, without trying each", () => {
  const file = join(folder, "locked.db");
  const other = new Database(file);
  other.exec("CREATE TABLE t (id INTEGER)");
  const db = new Database(file, { timeout: 0 });
  other.exec("BEGIN IMMEDIATE");
  const never = { id: 1, apply: (): WriteReply => ({ id: 1, type: "done", results: [] }) };
  const replies = commitTogether(db, [never, { ...never, id: 2 }], () => {});
  expect(outcome(replies)).toEqual(["1 failed", "2 failed"]);
  expect(replies[0]).toMatchObject({ code: "SQLITE_BUSY" });
  other.close();
  db.close();
});
