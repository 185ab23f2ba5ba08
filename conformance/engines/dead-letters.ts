import { expect } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../packages/glovebox/src/core/index.ts";
import { defineProgram, type ProgramContext } from "../../packages/glovebox/src/engine/index.ts";
import { OTHER_TENANT, TENANT, until } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

function program(name: string, run: (ctx: ProgramContext) => Promise<unknown>) {
  return defineProgram({ name, version: "1", input: anything, output: anything, run });
}

export function deadLetterConformance({ make, test }: Suite): void {
  test("what was tried in vain is a dead letter, over restarts, until it is deleted; what only failed is none", async () => {
    await using subject = await make();
    let heals = false;
    let deadlyBegun = 0;
    const poison = program("poison", (ctx) =>
      ctx.step(
        "try",
        null,
        () => {
          if (!heals) throw new GloveboxError("unavailable", "not there");
        },
        { retry: { maxAttempts: 4, firstDelayMs: 1 } },
      ),
    );
    const wrong = program("wrong", (ctx) => ctx.step("try", null, () => Promise.reject(new Error("wrong"))));
    const deadly = program("deadly", (ctx) =>
      ctx.step("die", null, () => {
        deadlyBegun += 1;
        return new Promise<never>(() => {});
      }),
    );
    const programs = [poison, wrong, deadly];
    const ids: Record<string, string> = {};
    for (let life = 1; life <= 2; life += 1) {
      await using engine = await subject.open({ programs, maxDeaths: 2 });
      if (life === 1) {
        for (const each of programs) ids[each.name] = (await engine.start(each, null, { tenantId: TENANT })).id;
        await engine.result(TENANT, ids.poison ?? "").catch(() => {});
        await engine.result(TENANT, ids.wrong ?? "").catch(() => {});
      }
      await until(() => deadlyBegun === life);
    }
    {
      await using engine = await subject.open({ programs, maxDeaths: 2 });
      await engine.result(TENANT, ids.deadly ?? "").catch(() => {});
    }
    await using engine = await subject.open({ programs });
    const { items } = await engine.deadLetters(TENANT);
    expect(items.map(({ run, summary }) => [run.id, summary])).toEqual([
      [ids.deadly, "the process ended 2 times while a step was at work"],
      [ids.poison, "failed 4 times: not there"],
    ]);
    const first = await engine.deadLetters(TENANT, { limit: 1 });
    const second = await engine.deadLetters(TENANT, { limit: 1, cursor: first.nextCursor ?? "" });
    expect([...first.items, ...second.items]).toEqual(items);
    expect((await engine.deadLetters(OTHER_TENANT)).items).toEqual([]);
    heals = true;
    await engine.rollback(TENANT, ids.poison ?? "", { step: "try" });
    await engine.result(TENANT, ids.poison ?? "");
    await engine.delete(TENANT, ids.deadly ?? "");
    expect((await engine.deadLetters(TENANT)).items).toEqual([]);
  });

  test("a run that a full queue drops is a dead letter", async () => {
    await using subject = await make();
    await using engine = await subject.open({ concurrency: 1, maxQueued: 1, whenFull: "drop_oldest" });
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy = program("busy", (ctx) => ctx.step("busy", null, () => promise));
    const first = await engine.start(busy, 1, { tenantId: TENANT });
    await until(async () => (await engine.get(TENANT, first.id)).status === "running");
    const dropped = await engine.start(busy, 2, { tenantId: TENANT });
    const last = await engine.start(busy, 3, { tenantId: TENANT });
    await expect(dropped.result()).rejects.toMatchObject({ code: "queue_full" });
    resolve();
    await Promise.all([first.result(), last.result()]);
    const { items } = await engine.deadLetters(TENANT);
    expect(items.map(({ run }) => run.id)).toEqual([dropped.id]);
    expect(await engine.verify(TENANT, dropped.id)).toMatchObject({ ok: true });
  });
}
