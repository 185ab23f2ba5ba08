import { hash } from "node:crypto";
import { expect } from "vitest";
import { z } from "zod";
import { canonicalJson, GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import {
  type DurableEngine,
  defineProgram,
  type JournalRecord,
  type StepContext,
} from "../../packages/glovebox/src/engine/index.ts";
import { createRedactor } from "../../packages/glovebox/src/governance/index.ts";
import { collect, type EngineSubject, OTHER_TENANT, replayAll, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const sha256 = (text: string) => hash("sha256", text);
const anything = z.unknown();

const steps = defineProgram({
  name: "steps",
  version: "1",
  input: anything,
  output: anything,
  run: async (ctx) => {
    for (let i = 0; i < 4; i += 1) await ctx.step("s", { i }, () => ({ text: `ä ${i}` }));
    return ctx.step("big", null, () => "y".repeat(70_000));
  },
});

/** A finished run's journal, as lines, from an engine that is closed again. */
async function exported(subject: EngineSubject): Promise<{ readonly id: string; readonly lines: string[] }> {
  await using engine = await subject.open();
  const id = await finished(engine);
  await replayAll(engine);
  return { id, lines: await collect(engine.export(TENANT, id)) };
}

async function finished(engine: DurableEngine): Promise<string> {
  const handle = await engine.start(steps, { x: 1 }, { tenantId: TENANT });
  await handle.result();
  return handle.id;
}

export function journalConformance({ make, test }: Suite): void {
  test("what a program asks for is recorded by path, a failed attempt with its delay, and a difference is told by its record", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "layout",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => {
        await ctx.parallel({ left: (b) => b.step("x", 1, () => 1), right: (b) => b.step("x", 1, () => 1) });
        const heals = (_input: unknown, { attempt }: StepContext) => {
          if (attempt < 3) throw new GloveboxError("unavailable", "away");
        };
        await ctx.step("x", 1, heals, { retry: { maxAttempts: 3, firstDelayMs: 2 } });
        for (const ms of [1, 2]) await ctx.sleep(ms);
        await Promise.all([ctx.now(), ctx.random(), ctx.uuid(), ctx.budget(), ctx.note("n")]);
        await ctx.waitAny({ slow: (b) => b.sleep(60_000), quick: (b) => b.sleep(1) });
        await ctx.waitFor("go", { approval: true });
      },
    });
    const { id, result } = await engine.start(program, null, { tenantId: TENANT });
    await engine.signal(TENANT, id, "go");
    await result();
    const records = await collect(engine.journal(TENANT, id));
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1));
    const pathsOf = (type: string) => records.filter((record) => record.type === type).map(({ step }) => step);
    expect(pathsOf("step.completed").toSorted()).toEqual(
      [
        ...["parallel/left/x", "parallel/right/x", "x", "sleep", "sleep#2"],
        ...["now", "random", "uuid", "budget", "note", "waitAny", "waitAny/quick/sleep"],
      ].toSorted(),
    );
    expect(pathsOf("step.retried")).toEqual(["x", "x"]);
    for (const { type, payload } of records) {
      if (type === "step.retried") expect(payload.delayMs >= 1 && payload.delayMs <= 4).toBe(true);
      if (type === "signal.waiting") expect(payload).toMatchObject({ signal: "go", approval: true });
    }
    expect(await collect(engine.journal(TENANT, id, { afterSeq: 2 }))).toEqual(records.slice(2));
    expect(await engine.replay(TENANT, id)).toEqual({ identical: true, records: records.length });
    await engine.close();
    const changed = defineProgram({ ...program, continues: [], run: (ctx) => ctx.sleep(1) });
    await using second = await subject.open({ programs: [changed] });
    const report = await second.replay(TENANT, id);
    const first = records.find(({ step }) => step !== undefined);
    expect(report.firstDifference).toMatchObject({ seq: first?.seq, step: "parallel/left/x" });
  });

  test("a journal can be followed: records come as they are committed, until the run has ended, the follower or the engine", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({
      name: "followed",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => [await ctx.waitFor("go"), await ctx.step("s", null, () => 1), await ctx.waitFor("go")],
    });
    const start = async () => (await engine.start(program, null, { tenantId: TENANT })).id;
    const id = await start();
    const followed: JournalRecord[] = [];
    const following = (async () => {
      for await (const record of engine.journal(TENANT, id, { follow: true })) followed.push(record);
    })();
    for (const round of [1, 2]) {
      const waits = () => followed.filter(({ type }) => type === "signal.waiting").length === round;
      await until(waits);
      await engine.signal(TENANT, id, "go", round);
    }
    await following;
    expect(followed).toEqual(await collect(engine.journal(TENANT, id)));
    expect(followed.at(-1)?.type).toBe("run.completed");
    // Of a run that has ended it is what is there.
    expect(await collect(engine.journal(TENANT, id, { follow: true, afterSeq: 1 }))).toEqual(followed.slice(1));
    await expect(collect(engine.journal(OTHER_TENANT, id, { follow: true }))).rejects.toMatchObject({
      code: "not_found",
    });
    const other = await start();
    const stop = new AbortController();
    const stopped = expect(
      collect(engine.journal(TENANT, other, { follow: true, signal: stop.signal })),
    ).rejects.toThrow("enough");
    const closed = expect(collect(engine.journal(TENANT, other, { follow: true }))).rejects.toMatchObject({
      code: "unavailable",
    });
    await until(async () => (await engine.get(TENANT, other)).status === "waiting");
    stop.abort(new Error("enough"));
    await stopped;
    await engine.close();
    await closed;
  });

  test("a journal goes out as JSONL and comes in elsewhere the same, and replays", async () => {
    await using subject = await make();
    await using other = await make();
    const { id, lines } = await exported(subject);
    await using second = await other.open({ programs: [steps] });
    const report = await second.import(OTHER_TENANT, [lines.join("").slice(0, 100), lines.join("").slice(100)]);
    expect(report).toEqual({ runId: id, records: lines.length - 1 });
    expect(await collect(second.export(OTHER_TENANT, id))).toEqual(lines);
    expect(await second.replay(OTHER_TENANT, id)).toMatchObject({ identical: true, records: lines.length - 1 });
    expect(await second.get(OTHER_TENANT, id)).toMatchObject({ status: "completed", imported: true });
    await expect(second.import(OTHER_TENANT, lines)).rejects.toMatchObject({ code: "already_exists" });
    await expect(second.resume(OTHER_TENANT, id)).rejects.toMatchObject({ code: "conflict" });
  });

  test("a torn tail of an exported journal is told, and what is before it is kept; another format is refused", async () => {
    await using subject = await make();
    await using other = await make();
    const { id, lines: whole } = await exported(subject);
    await using second = await other.open();
    const cut = whole
      .join("")
      .slice(0, (whole[0]?.length ?? 0) + (whole[1]?.length ?? 0) + (whole[2]?.length ?? 0) + 10);
    expect(await second.import(TENANT, [cut])).toEqual({
      runId: id,
      records: 2,
      torn: { afterSeq: 2, missing: whole.length - 3 },
    });
    expect(await second.verify(TENANT, id)).toMatchObject({ ok: true, records: 2 });
    await expect(second.import(TENANT, [])).rejects.toMatchObject({ code: "journal_corrupt" });
    const { hash: _hash, ...header } = JSON.parse(whole[0] ?? "{}") as Record<string, unknown>;
    const later = canonicalJson({ ...header, version: 2, hash: sha256(canonicalJson({ ...header, version: 2 })) });
    await expect(second.import(TENANT, [later])).rejects.toMatchObject({ code: "journal_mismatch" });
  });

  test("secrets are masked before they are written, and the program sees what is written", async () => {
    await using subject = await make();
    const redactor = createRedactor("default").withValues(["hunter2-hunter2"]);
    const program = defineProgram({
      name: "leaks",
      version: "1",
      input: anything,
      output: anything,
      run: async (ctx) => ctx.step("leak", "hunter2-hunter2", (input) => ({ input, out: "is hunter2-hunter2" })),
    });
    await using engine = await subject.open({ redactor });
    const handle = await engine.start(program, "hunter2-hunter2", { tenantId: TENANT });
    const output = JSON.stringify(await handle.result());
    const journal = (await collect(engine.export(TENANT, handle.id))).join("");
    expect(output).not.toContain("hunter2");
    expect(journal).not.toContain("hunter2");
    await replayAll(engine);
  });
}
