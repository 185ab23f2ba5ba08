/** Programs that are cancelled once they did all they do, and undo it: kills come during that, too. */
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import {
  type DurableEngine,
  defineProgram,
  type Program,
  type ProgramContext,
  type StepContext,
} from "../../packages/glovebox/src/engine/index.ts";
import type { World } from "./chaos-programs.ts";
import { TENANT } from "./subject.ts";

/** Of each place, and how many steps each has. */
export const SAGAS = 3;
export const SAGA_STEPS = 5;
const WORK_MS = 10;

export function sagaProgram(world: Pick<World, "applied">): Program<null, null> {
  const work = async (_: unknown, { idempotencyKey: key, attempt }: StepContext): Promise<void> => {
    world.applied(key, attempt);
    await delay(WORK_MS);
  };
  return defineProgram({
    name: "saga",
    version: "1",
    input: z.null(),
    output: z.null(),
    run: async (ctx: ProgramContext) => {
      for (let i = 0; i < SAGA_STEPS; i += 1) await ctx.step("do", i, work, { compensate: work });
      await ctx.waitFor("never");
      return null;
    },
  });
}

/** Starts a saga, or takes it up, cancels it once nothing of it is left to do, and says how it ended. */
export async function undoneSaga(engine: DurableEngine, program: Program<null, null>, index: number): Promise<string> {
  const { id, result } = await engine.start(program, null, { tenantId: TENANT, idempotencyKey: `saga ${index}` });
  const ended = result().then(
    () => "completed",
    (error: { code: string }) => error.code,
  );
  for (let { status } = await engine.get(TENANT, id); status !== "cancelled"; ) {
    if (status === "waiting") {
      // Asked for in a life before, it may end just now.
      await engine.cancel(TENANT, id).catch(() => {});
      break;
    }
    await delay(2);
    ({ status } = await engine.get(TENANT, id));
  }
  return ended;
}
