import { join } from "node:path";
import { pack } from "tar-stream";
import type { CiRun, SealedValues } from "../../../core/index.ts";
import { silentLogger, systemClock } from "../../../core/index.ts";
import { type DurableEngine, openEmbeddedEngine } from "../../../engine/index.ts";
import { Sandboxes } from "../../../runs/index.ts";
import { openStage, type Stage, TENANT } from "../../../sessions/testing/stage.ts";
import { type CiRunsOptions, createCiRuns, type OpenCiRuns } from "../create-ci-runs.ts";
import type { CiStartRequest } from "../start-request.ts";

export interface CiStage extends AsyncDisposable {
  readonly stage: Stage;
  readonly engine: DurableEngine;
  readonly ci: OpenCiRuns;
  /** Uploads a checkout with these files and starts what the event starts. */
  start(files: Readonly<Record<string, string>>, more?: Partial<CiStartRequest>): Promise<readonly CiRun[]>;
  /** The same, of one workflow `.github/workflows/w.yml`, to its end. */
  run(workflow: string, more?: Partial<CiStartRequest>): Promise<CiRun>;
  end(id: string): Promise<CiRun>;
  /** Waits until the run is so. */
  until(id: string, is: (run: CiRun) => boolean): Promise<CiRun>;
  /** Closes engine and CI, as a server that stops does, and opens them again. */
  reopen(): Promise<void>;
  /** Sessions that are open. */
  open(): Promise<number>;
}

export const WORKFLOW = ".github/workflows/w.yml";

/** Runs of workflows over real sandboxes, wired as the server has them. */
export async function openCiStage(options: Partial<CiRunsOptions> = {}): Promise<CiStage> {
  await using opened = new AsyncDisposableStack();
  const stage = opened.use(await openStage());
  const sealedValues = plainValues();
  const open = async () => {
    const late: { ci?: OpenCiRuns; engine?: DurableEngine } = {};
    const sandboxes = new Sandboxes(stage.services, (tenantId, id) => {
      if (late.engine === undefined) throw new Error("no engine yet");
      return late.engine.journal(tenantId, id);
    });
    const engine = await openEmbeddedEngine({
      store: stage.store,
      determinism: "strict",
      onEnd: async (run) => {
        await Promise.all([late.ci?.onRunEnd(run), sandboxes.closeAll(run.tenantId, run.id)]);
      },
      onRollback: ({ tenantId, id }) => sandboxes.closeAll(tenantId, id),
    });
    late.engine = engine;
    const ci = await createCiRuns({
      store: stage.store,
      engine,
      sandboxes,
      services: stage.services,
      sealedValues,
      observers: [],
      folder: join(stage.dir, "ci"),
      maxConcurrentJobs: 8,
      settings: { snapshots: "never", runTimeoutMs: 600_000, labels: {} },
      logger: silentLogger,
      clock: systemClock,
      ...options,
    });
    late.ci = ci;
    await ci.takeUp();
    return { engine, ci };
  };
  let live = await open();
  opened.defer(async () => {
    await live.ci[Symbol.asyncDispose]();
    await live.engine.close();
  });
  const until = async (id: string, is: (run: CiRun) => boolean) => {
    for await (const run of live.ci.follow(TENANT, id, AbortSignal.timeout(60_000))) if (is(run)) return run;
    throw new Error(`run ${id} is completed and never was so`);
  };
  const end = (id: string) => until(id, ({ status }) => status === "completed");
  const start: CiStage["start"] = async (files, more = {}) => {
    const source = { kind: "archive", id: await live.ci.putSource(TENANT, tarOf(files)) } as const;
    return live.ci.start(TENANT, { source, event: { name: "push" }, ...more });
  };
  const resources = opened.move();
  return {
    stage,
    get engine() {
      return live.engine;
    },
    get ci() {
      return live.ci;
    },
    start,
    async run(workflow, more) {
      const [run] = await start({ [WORKFLOW]: workflow }, more);
      if (run === undefined) throw new Error("the event started nothing");
      return end(run.id);
    },
    end,
    until,
    async reopen() {
      await live.ci[Symbol.asyncDispose]();
      await live.engine.close();
      live = await open();
    },
    open: async () => (await stage.services.sessions.list(TENANT, { status: ["starting", "ready"] })).items.length,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export function tarOf(files: Readonly<Record<string, string>>): AsyncIterable<Uint8Array> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  return tar as unknown as AsyncIterable<Uint8Array>;
}

/** What governance seals is governance's own test. */
function plainValues(): SealedValues {
  const kept = new Map<string, Map<string, string>>();
  const at = (tenantId: string, scope: string) => `${tenantId}\n${scope}`;
  return {
    async set(tenantId, scope, { name, value }) {
      const values = kept.get(at(tenantId, scope)) ?? new Map();
      kept.set(at(tenantId, scope), values.set(name, value));
      return { name, version: 1, createdAt: "", updatedAt: "" };
    },
    list: async (tenantId, scope) =>
      [...(kept.get(at(tenantId, scope)) ?? [])].map(([name]) => ({ name, version: 1, createdAt: "", updatedAt: "" })),
    open: async (tenantId, scope) => Object.fromEntries(kept.get(at(tenantId, scope)) ?? []),
    scopes: async (tenantId, prefix) =>
      [...kept.keys()]
        .filter((key) => key.startsWith(at(tenantId, prefix)))
        .map((key) => key.slice(tenantId.length + 1)),
    delete: async (tenantId, scope, name) => kept.get(at(tenantId, scope))?.delete(name) ?? false,
  };
}
