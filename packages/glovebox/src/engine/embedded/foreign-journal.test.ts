import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { canonicalJson, newId, type Run } from "../../core/index.ts";
import { openSqliteStore } from "../../store/index.ts";
import { NO_USAGE } from "../budget.ts";
import { defineProgram, openEmbeddedEngine } from "../index.ts";
import { EMPTY_HEAD, hashValue, seal } from "../journal/chain.ts";

const program = defineProgram({
  name: "p",
  version: "1",
  input: z.unknown(),
  output: z.unknown(),
  run: async (ctx) => ctx.waitFor("never"),
});

/** A run as another engine might have left it: well chained, in a format of its own. */
function foreignRun(records: readonly (readonly [string, object])[]) {
  const id = newId();
  let head = EMPTY_HEAD;
  const rows = records.map(([type, payload]) => {
    const row = seal(id, head, { ts: 1, type, step: null, attempt: null }, canonicalJson(payload));
    head = { seq: row.seq, hash: row.hash };
    return row;
  });
  const inputHash = hashValue(undefined);
  const run: Run = {
    ...{ id, tenantId: "t", program: "p", version: "1", status: "queued", priority: 0 },
    ...{ createdAt: "2026-01-01T00:00:00.000Z", inputHash, usage: NO_USAGE, resumes: 0 },
  };
  return { id, run, rows, head };
}

test("a journal of another format, or with records of a later engine, is refused with what differs and stays as it is", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-foreign-"));
  const started = { program: "p", version: "1", inputHash: hashValue(undefined) };
  const later = foreignRun([["run.started", { ...started, journal: 2 }]]);
  const unknown = foreignRun([
    ["run.started", { ...started, journal: 1 }],
    ["run.frozen", {}],
  ]);
  try {
    await using store = await openSqliteStore({ dataDir });
    for (const { run, rows } of [later, unknown]) await store.runs.create(run, rows);
    await using engine = await openEmbeddedEngine({ store, programs: [program] });
    for (const [{ id, head }, details] of [
      [later, { found: 2, supported: 1 }],
      [unknown, { seq: 2, type: "run.frozen" }],
    ] as const) {
      const refused = { code: "journal_mismatch", details };
      await expect(engine.result("t", id)).rejects.toMatchObject(refused);
      expect(await store.runs.get("t", id)).toMatchObject({ head, run: { status: "failed", error: refused } });
      await expect(engine.replay("t", id)).rejects.toMatchObject(refused);
      await engine.resume("t", id).catch(() => {});
      await expect(engine.result("t", id)).rejects.toMatchObject(refused);
      expect(await engine.verify("t", id)).toMatchObject({ ok: true, records: head.seq });
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
