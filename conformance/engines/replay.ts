import { expect } from "vitest";
import { z } from "zod";
import { defineProgram } from "../../packages/glovebox/src/engine/index.ts";
import { TENANT } from "./subject.ts";
import type { Suite } from "./suite.ts";

const anything = z.unknown();

export function replayConformance({ make, test }: Suite): void {
  test("a replay that is aborted rejects with the reason", async () => {
    await using subject = await make();
    await using engine = await subject.open();
    const program = defineProgram({ name: "p", version: "1", input: anything, output: anything, run: async () => 1 });
    const { id, result } = await engine.start(program, null, { tenantId: TENANT });
    await result();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(engine.replay(TENANT, id, { signal })).rejects.toThrow("enough");
  });
}
