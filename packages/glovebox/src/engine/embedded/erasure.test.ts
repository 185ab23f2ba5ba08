import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { openSqliteStore } from "../../store/index.ts";
import { defineProgram, openEmbeddedEngine } from "../index.ts";

test("an erased payload leaves a chain that verifies, also in an export, and a run that cannot be replayed", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-erase-"));
  try {
    await using store = await openSqliteStore({ dataDir });
    const program = defineProgram({
      name: "p",
      version: "1",
      input: z.unknown(),
      output: z.unknown(),
      run: (ctx) => ctx.step("s", null, () => "personal"),
    });
    await using engine = await openEmbeddedEngine({ store });
    const { id, result } = await engine.start(program, null, { tenantId: "t" });
    await result();
    const seqs: number[] = [];
    for await (const { seq, type } of engine.journal("t", id)) if (/completed/.test(type)) seqs.push(seq);
    for (const seq of seqs) expect(await store.runs.erase(id, seq)).toBe(true);
    expect(await engine.verify("t", id)).toEqual({ ok: true, records: 4, erased: 2 });
    await expect(engine.replay("t", id)).rejects.toMatchObject({ code: "not_found" });
    await expect(engine.result("t", id)).rejects.toMatchObject({ code: "not_found" });
    const lines: string[] = [];
    for await (const line of engine.export("t", id)) lines.push(line);
    expect(lines.join("")).not.toContain("personal");
    await store.runs.delete("t", id);
    expect(await engine.import("t", lines)).toEqual({ runId: id, records: 4 });
    expect(await engine.verify("t", id)).toEqual({ ok: true, records: 4, erased: 2 });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
