import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { defineProgram, openEmbeddedEngine, type ProgramContext } from "../../engine/index.ts";
import { openSqliteStore } from "../../store/index.ts";

const TENANT = "acme";

/** Programs over a real engine and store, without sandboxes. */
export interface ProgramStage extends AsyncDisposable {
  /** Runs it to its end, whose result or error it gives; a replay that decides otherwise is an error as well. */
  run<T>(work: (context: ProgramContext) => Promise<T>): Promise<T>;
}

export async function openProgramStage(): Promise<ProgramStage> {
  await using opened = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-programs-"));
  opened.defer(() => rm(dataDir, { recursive: true, force: true }));
  const store = opened.use(await openSqliteStore({ dataDir }));
  const engine = await openEmbeddedEngine({ store, determinism: "strict" });
  opened.defer(() => engine.close());
  let count = 0;
  const resources = opened.move();
  return {
    run: async <T>(work: (context: ProgramContext) => Promise<T>) => {
      count += 1;
      const program = defineProgram({
        name: `program-${count}`,
        version: "1",
        input: z.unknown(),
        output: z.unknown(),
        run: work,
      });
      const { id } = await engine.start(program, {}, { tenantId: TENANT });
      const [ended] = await Promise.allSettled([engine.result(TENANT, id, AbortSignal.timeout(20_000))]);
      const replay = await engine.replay(TENANT, id);
      if (!replay.identical) throw new Error(`a replay decides otherwise: ${JSON.stringify(replay)}`);
      if (ended.status === "rejected") throw ended.reason;
      return ended.value as T;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
