import { z } from "zod";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";

export const rolledBack = defineProgram({
  name: "rolled-back",
  version: "1",
  input: z.null(),
  output: z.unknown(),
  run: async (ctx) => {
    await ctx.step("takes", null, (_input, { record }) => record("snapshot.taken", { id: "s1" }));
    const key = await ctx.step("count", null, (_input, { idempotencyKey }) => idempotencyKey);
    return [key, await ctx.waitFor("go")];
  },
});
