import { expect } from "vitest";
import { z } from "zod";
import { type DurableEngine, defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { chooser, collect, TENANT } from "./subject.ts";
import type { Suite } from "./suite.ts";

const steps = defineProgram({
  name: "damaged",
  version: "1",
  input: z.null(),
  output: z.unknown(),
  run: async (ctx) => {
    const retry = { firstDelayMs: 1 };
    await ctx.step("s", { ä: 1 }, () => ({ text: "ä" }));
    await ctx.step("f", 1, (_, { attempt }) => (attempt === 1 ? Promise.reject(new Error("no")) : "yes"), {
      retry: { ...retry, when: () => true },
    });
    await ctx.sleep(1);
    return ctx.step("big", null, () => "y".repeat(70_000));
  },
});

/** Every how many damages the slower readers look as well. */
const SAMPLE = 25;

async function finished(engine: DurableEngine): Promise<string> {
  const handle = await engine.start(steps, null, { tenantId: TENANT });
  await handle.result();
  return handle.id;
}

/** Of `text` with one byte changed, decoded as a file is. */
function withFlip(text: string, at: number): string {
  const bytes = Buffer.from(text);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString("utf8");
}

export function damageConformance({ make, test }: Suite): void {
  test("whatever byte, row or blob of a journal is damaged or gone, it is found and located", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const id = await finished(engine);
    const damages = await subject.damages(id, chooser(Date.now()));
    expect(damages.length).toBeGreaterThan(500);
    for (const [index, { what, seq, make: damage, undo }] of damages.entries()) {
      await damage();
      expect({ what, ...(await engine.verify(TENANT, id)) }).toMatchObject({ what, ok: false, seq });
      if (index % SAMPLE === 0) {
        const corrupt = { code: "journal_corrupt", details: { seq } };
        await expect(engine.replay(TENANT, id), what).rejects.toMatchObject(corrupt);
        await expect(collect(engine.export(TENANT, id)), what).rejects.toMatchObject(corrupt);
      }
      await undo();
    }
    expect(await engine.verify(TENANT, id)).toMatchObject({ ok: true });
  });

  test("whatever byte of an exported journal is changed, it is found and located", async () => {
    await using subject = await make();
    await using other = await make();
    let whole: string[] = [];
    {
      await using engine = await subject.open();
      whole = await collect(engine.export(TENANT, await finished(engine)));
    }
    await using second = await other.open();
    // Without the large one, of which every byte would take too long.
    const small = whole.slice(0, 5).join("");
    const bytes = Buffer.byteLength(small);
    for (let at = 0; at < bytes - 1; at += 1) {
      const code = await second.import(TENANT, [withFlip(small, at)]).then(
        (report) => `took ${JSON.stringify(report)}`,
        (error: { code: string; details?: { line?: number } }) =>
          error.details?.line === undefined ? "nowhere" : error.code,
      );
      expect({ at, code }).toEqual({ at, code: "journal_corrupt" });
    }
    expect((await second.list(TENANT)).items).toEqual([]);
    // A last line that does not end is a torn one.
    const torn = await second.import(TENANT, [withFlip(small, bytes - 1)]);
    expect(torn).toMatchObject({ records: 3, torn: { afterSeq: 3 } });
  });
}
