import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { Case } from "../harness.ts";
import { createSession, openServer, runRepl } from "../server.ts";

const EVENTS = 50_000;

/**
 * Events that sandboxed code makes (`console.log`, one event each), until all are on disk: kernel, agent, server, SQLite.
 * The whole execution is timed, so the figure includes its start and its answer.
 */
export const durableEvents: Case = {
  name: "events.durable",
  unit: "1/s",
  target: { better: "higher", p50: 50_000 },
  async run() {
    await using bench = await openServer();
    const { client } = bench;
    const template = {
      name: "bench-events",
      isolation: "bubblewrap",
      languages: ["javascript"],
      limits: { maxEvents: EVENTS + 100, outputBytes: 64 << 20 },
    };
    await client.send("POST", "/v1/templates", template);
    const id = await createSession(client, { template: "bench-events" });
    const samples: number[] = [];
    for (let i = -1; i < 5; i += 1) {
      const start = performance.now();
      await runRepl(client, id, "javascript", `for (let i = 0; i < ${EVENTS}; i++) console.log("line " + i)`);
      if (i >= 0) samples.push(EVENTS / ((performance.now() - start) / 1000));
    }
    return { samples, floor: { name: "SQLite WAL, batches of 1,000", samples: await bareSqlite() } };
  },
};

async function bareSqlite(): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-bench-"));
  const db = new Database(join(folder, "floor.db"));
  try {
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.exec(
      "create table events (stream integer, seq integer, ts integer, type text, payload text, primary key (stream, seq)) without rowid",
    );
    const insert = db.prepare("insert into events values (?, ?, ?, ?, ?)");
    const batch = (stream: number, from: number) => {
      db.exec("begin");
      for (let i = 0; i < 1000; i += 1) {
        insert.run(stream, from + i, Date.now(), "console", `{"level":"log","text":"line ${from + i}"}`);
      }
      db.exec("commit");
    };
    const samples: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now();
      for (let from = 0; from < EVENTS; from += 1000) batch(round, from);
      samples.push(EVENTS / ((performance.now() - start) / 1000));
    }
    return samples;
  } finally {
    db.close();
    await rm(folder, { recursive: true, force: true });
  }
}
