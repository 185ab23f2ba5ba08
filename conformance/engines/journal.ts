import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import { canonicalJson } from "../../packages/glovebox/src/core/index.ts";
import { type DurableEngine, defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { createRedactor } from "../../packages/glovebox/src/governance/index.ts";
import { collect, type MakeEngineSubject, OTHER_TENANT, replayAll, TENANT } from "./subject.ts";

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

async function finished(engine: DurableEngine): Promise<string> {
  const handle = await engine.start(steps, { x: 1 }, { tenantId: TENANT });
  await handle.result();
  return handle.id;
}

/** The same pseudo-random numbers every time. */
function chooser(seed: number): (below: number) => number {
  let count = 0;
  return (below) => {
    count += 1;
    return Number.parseInt(sha256(`${seed} ${count}`).slice(0, 12), 16) % below;
  };
}

export function journalConformance(make: MakeEngineSubject): void {
  test("a flipped byte in what is kept of a record is found and located, wherever it is", async () => {
    await using subject = await make();
    const ids: string[] = [];
    {
      await using engine = await subject.open();
      for (let i = 0; i < 24; i += 1) ids.push(await finished(engine));
    }
    const flipped: string[] = [];
    for (const [index, id] of ids.entries()) flipped.push(await subject.flipByte(id, chooser(index)));
    await using engine = await subject.open({ programs: [steps] });
    for (const [index, what] of flipped.entries()) {
      const seq = Number(/record (\d+)/.exec(what)?.[1]);
      const id = ids[index] ?? "";
      expect({ what, ...(await engine.verify(TENANT, id)) }).toMatchObject({ what, ok: false, seq });
      await expect(engine.replay(TENANT, id)).rejects.toMatchObject({ code: "journal_corrupt", details: { seq } });
    }
  });

  test("a journal goes out as JSONL and comes in elsewhere the same, and replays", async () => {
    await using subject = await make();
    await using other = await make();
    await using engine = await subject.open();
    const id = await finished(engine);
    const lines = await collect(engine.export(TENANT, id));
    await using second = await other.open({ programs: [steps] });
    const report = await second.import(OTHER_TENANT, [lines.join("").slice(0, 100), lines.join("").slice(100)]);
    expect(report).toEqual({ runId: id, records: lines.length - 1 });
    expect(await collect(second.export(OTHER_TENANT, id))).toEqual(lines);
    expect(await second.replay(OTHER_TENANT, id)).toMatchObject({ identical: true, records: lines.length - 1 });
    expect(await second.get(OTHER_TENANT, id)).toMatchObject({ status: "completed", imported: true });
    await expect(second.import(OTHER_TENANT, lines)).rejects.toMatchObject({ code: "already_exists" });
    await expect(second.resume(OTHER_TENANT, id)).rejects.toMatchObject({ code: "conflict" });
    await replayAll(engine);
  });

  test("every changed byte of an exported journal is found; a torn tail is told, and what is before it is kept", async () => {
    await using subject = await make();
    await using other = await make();
    await using engine = await subject.open();
    const id = await finished(engine);
    const whole = await collect(engine.export(TENANT, id));
    await using second = await other.open();
    const small = `${whole[0]}${whole.slice(1, 6).join("")}`;
    for (let at = 0; at < small.length - 1; at += 7) {
      const changed = small.slice(0, at) + String.fromCharCode(small.charCodeAt(at) ^ 1) + small.slice(at + 1);
      const code = await second.import(TENANT, [changed]).then(
        (report) => `took ${JSON.stringify(report)}`,
        (error: { code: string; details?: { line?: number } }) =>
          error.details?.line === undefined ? "nowhere" : error.code,
      );
      expect({ at, code }).toEqual({ at, code: "journal_corrupt" });
    }
    expect((await second.list(TENANT)).items).toEqual([]);
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
