import { type DurableEngine, openEmbeddedEngine, type Program } from "../../engine/index.ts";
import { openStage, type Stage, TENANT } from "../../sessions/testing/stage.ts";
import { Sandboxes } from "../sandboxes.ts";

/** An engine over real sessions, wired as the server has it. */
export interface RunStage extends AsyncDisposable {
  readonly stage: Stage;
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  start<Input>(program: Program<Input, unknown>, input: Input): Promise<string>;
  /** Sessions of the tenant that are open. */
  open(): Promise<number>;
}

export async function openRunStage(): Promise<RunStage> {
  await using opened = new AsyncDisposableStack();
  const stage = opened.use(await openStage());
  const sandboxes = new Sandboxes(stage.services);
  const engine = opened.use(
    await openEmbeddedEngine({
      store: stage.store,
      determinism: "strict",
      onEnd: ({ tenantId, id }) => sandboxes.closeAll(tenantId, id),
    }),
  );
  const resources = opened.move();
  return {
    stage,
    engine,
    sandboxes,
    start: async (program, input) => (await engine.start(program, input, { tenantId: TENANT })).id,
    open: async () => (await stage.services.sessions.list(TENANT, { status: ["starting", "ready"] })).items.length,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
