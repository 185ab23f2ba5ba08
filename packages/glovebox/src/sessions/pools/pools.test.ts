import { afterAll, beforeAll, expect, test } from "vitest";
import type { Pool } from "../../core/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.services.recover();
});
afterAll(() => stage[Symbol.asyncDispose]());

const pools = () => stage.services.pools;
async function until(template: string, done: (pool: Pool) => boolean): Promise<Pool> {
  await expect
    .poll(async () => done(await pools().show(TENANT, template)), { timeout: 30_000, interval: 20 })
    .toBe(true);
  return pools().show(TENANT, template);
}

test("a session takes a ready sandbox, uses it alone, and the pool is filled again", async () => {
  await pools().set(TENANT, "python", { min: 1, max: 1 });
  await until("python", ({ ready }) => ready === 1);
  const id = await stage.session({ template: "python" });
  const pool = await pools().show(TENANT, "python");
  expect(pool).toMatchObject({ hits: 1, misses: { total: 0 } });
  expect((await stage.py(id, "print(1)")).out).toBe("1\n");
  await until("python", ({ ready }) => ready === 1);
});
