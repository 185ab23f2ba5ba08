import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import { type Budget, silentLogger, systemClock } from "../../core/index.ts";
import { openRunStage, type RunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { Agent } from "../agent.ts";
import { CodeThreads } from "../code/code-threads.ts";
import { createAgents } from "../create-agents.ts";
import type { Flow } from "../flows/define-flow.ts";
import { type FlowRequest, FlowService } from "../flows/flow-service.ts";
import type { FlowRunView } from "../flows/flow-view.ts";
import { Uploads } from "../flows/uploads.ts";
import type { HostParts } from "../open-host.ts";

type Files = Readonly<Record<string, string>>;

/** Flows over a real engine, store and sandboxes. */
export interface FlowStage extends AsyncDisposable {
  readonly stage: RunStage;
  readonly flows: FlowService;
  /** Keeps a repository of these files. */
  upload(files: Files): Promise<{ readonly kind: "archive"; readonly sha256: string }>;
  /** Starts a flow and waits for its end. */
  run(request: FlowRequest): Promise<FlowRunView>;
  /** Waits until a run is so, for at most half a minute. */
  until(id: string, is: (run: FlowRunView) => boolean): Promise<FlowRunView>;
}

export async function openFlowStage(given: {
  /** Default: those that come with the house. */
  readonly agents?: readonly Agent[];
  readonly flows?: readonly Flow[];
  readonly definitions?: readonly string[];
  readonly budget?: Budget;
  readonly host?: Partial<HostParts>;
}): Promise<FlowStage> {
  const { agents: builtIn, flows = [], definitions = [], budget = {} } = given;
  await using opened = new AsyncDisposableStack();
  const stage = opened.use(await openRunStage());
  const folder = await mkdtemp(join(tmpdir(), "glovebox-uploads-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const code = opened.use(new CodeThreads());
  const uploads = new Uploads(folder, systemClock);
  const { sandboxes, documents } = stage;
  const host: HostParts = { workbench: { sandboxes, blobs: uploads }, code, documents, ...given.host };
  const { engine } = stage;
  const { store } = stage.stage;
  const agents = opened.use(
    createAgents({
      ...{ store, engine, host, clock: systemClock, logger: silentLogger },
      ...(builtIn !== undefined && { builtIn }),
    }),
  );
  const service = new FlowService({
    engine,
    flows: { host, desk: agents.desk },
    uploads,
    agents: async () =>
      new Map((builtIn ?? []).map(({ name, capabilities, payload }) => [name, { types: capabilities, payload }])),
    builtIn: flows,
    definitions,
    budget,
  });
  const until: FlowStage["until"] = async (id, is) => {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const view = await service.run(TENANT, id);
      if (is(view)) return view;
      if (performance.now() > deadline) throw new Error(`it never was so: ${JSON.stringify(view)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const resources = opened.move();
  return {
    stage,
    flows: service,
    upload: async (files) => {
      const tar = pack();
      for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
      tar.finalize();
      return { kind: "archive", ...(await service.upload(Readable.from(tar))) };
    },
    run: async (request) => {
      const { id } = await service.start(TENANT, request);
      await engine.result(TENANT, id, AbortSignal.timeout(120_000)).catch(() => {});
      return service.run(TENANT, id);
    },
    until,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
