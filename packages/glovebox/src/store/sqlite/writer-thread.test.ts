import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WriterThread } from "./writer-thread.ts";

test("a writer that cannot open its database does not start", async () => {
  const files = { mainFile: "/proc/self/no/main.db", eventsFolder: "/proc/self/no" };
  await expect(WriterThread.start(files)).rejects.toThrow();
});

test("what was asked for before the end is done, what comes after is refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-thread-"));
  try {
    const thread = await WriterThread.start({ mainFile: join(folder, "main.db"), eventsFolder: folder });
    const sql = (text: string) => thread.request({ type: "sql", statements: [{ sql: text, parameters: [] }] });
    const before = [sql("CREATE TABLE t (x INTEGER)"), sql("INSERT INTO t VALUES (1) RETURNING x"), sql("nonsense")];
    const ended = thread[Symbol.asyncDispose]();
    await expect(sql("SELECT 1")).rejects.toMatchObject({ code: "store_failed" });
    const replies = await Promise.all(before);
    expect(replies.map(({ type }) => type)).toEqual(["done", "done", "failed"]);
    expect(replies[1]).toMatchObject({ results: [{ rows: [{ x: 1 }] }] });
    await ended;
    await expect(sql("SELECT 1")).rejects.toMatchObject({ code: "store_failed" });
  } finally {
    await rm(folder, { recursive: true });
  }
});
