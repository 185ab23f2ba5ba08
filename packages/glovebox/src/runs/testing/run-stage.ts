import { join } from "node:path";
import { type ContextStore, openContextStore } from "../../context/index.ts";
import type { Outside, Redactor } from "../../core/index.ts";
import { type DurableEngine, openEmbeddedEngine, type Program } from "../../engine/index.ts";
import { openStage, type Stage, TENANT } from "../../sessions/testing/stage.ts";
import { RunDocuments } from "../documents.ts";
import { Sandboxes } from "../sandboxes.ts";
import { takeBack } from "../take-back.ts";

/** An engine over real sessions, wired as the server has it. */
export interface RunStage extends AsyncDisposable {
  readonly stage: Stage;
  /** The one that is open now. */
  readonly engine: DurableEngine;
  readonly sandboxes: Sandboxes;
  readonly context: ContextStore;
  readonly documents: RunDocuments;
  start<Input>(program: Program<Input, unknown>, input: Input): Promise<string>;
  /** Closes the engine, as a server that stops does, and opens another one. */
  reopen(programs: readonly Program[]): Promise<void>;
  /** Sessions of the tenant that are open. */
  open(): Promise<number>;
}

/** `redactor`: of the sessions and of the journal, as a server has it; default: nothing is masked. `outside`: default nothing leads out. */
export async function openRunStage({
  redactor,
  outside,
}: {
  readonly redactor?: Redactor;
  readonly outside?: Outside;
} = {}): Promise<RunStage> {
  await using opened = new AsyncDisposableStack();
  const masked = redactor === undefined ? {} : { redactor };
  const stage = opened.use(await openStage({ ...masked, ...(outside !== undefined && { outside }) }));
  const context = opened.use(openContextStore({ dataDir: join(stage.dir, "context"), readers: 1 }));
  const journal = (tenantId: string, id: string) => engine.journal(tenantId, id);
  const sandboxes = new Sandboxes(stage.services, journal, () => context.revision());
  const open = (programs: readonly Program[]) =>
    openEmbeddedEngine({
      store: stage.store,
      programs,
      determinism: "strict",
      ...masked,
      onEnd: ({ tenantId, id }) => sandboxes.closeAll(tenantId, id),
      onRollback: takeBack(sandboxes, context),
    });
  let engine = await open([]);
  opened.defer(() => engine.close());
  const resources = opened.move();
  return {
    stage,
    get engine() {
      return engine;
    },
    reopen: async (programs) => {
      await engine.close();
      engine = await open(programs);
    },
    sandboxes,
    context,
    documents: new RunDocuments(context),
    start: async (program, input) => (await engine.start(program, input, { tenantId: TENANT })).id,
    open: async () => (await stage.services.sessions.list(TENANT, { status: ["starting", "ready"] })).items.length,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
