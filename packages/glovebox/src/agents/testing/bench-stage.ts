import { z } from "zod";
import { defineProgram, type ProgramContext } from "../../engine/index.ts";
import { openRunStage, type RunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { RepositorySource } from "../workbench/repository-tree.ts";
import { Workbench, type WorkbenchSpec } from "../workbench/workbench.ts";
import { makeRepository, type TestRepository } from "./repository.ts";

export interface BenchStage extends AsyncDisposable {
  readonly runs: RunStage;
  /** Works on a repository within a run of its own, and replays that run: it must decide the same. */
  use<T>(
    source: RepositorySource,
    work: (bench: Workbench, context: ProgramContext) => Promise<T>,
    spec?: WorkbenchSpec,
  ): Promise<T>;
  /** The same, on files that are a repository's first commit. */
  on<T>(
    files: Readonly<Record<string, string>>,
    work: (bench: Workbench, context: ProgramContext) => Promise<T>,
    spec?: WorkbenchSpec,
  ): Promise<T>;
}

const any = { input: z.unknown(), output: z.unknown() };

/** Real sandboxes with real repositories, for tests of agents. */
export async function openBenchStage(): Promise<BenchStage> {
  const runs = await openRunStage();
  let counter = 0;
  const stage: BenchStage = {
    runs,
    async use(source, work, spec = { template: "python" }) {
      counter += 1;
      const parts = { sandboxes: runs.sandboxes, folders: true, blobs: runs.stage.store.blobs };
      const program = defineProgram({
        name: `on-bench-${counter}`,
        version: "1",
        ...any,
        run: async (context) => work(await Workbench.open(context, parts, source, spec), context),
      });
      const id = await runs.start(program, {});
      const result = await runs.engine.result(TENANT, id, AbortSignal.timeout(90_000));
      const { identical } = await runs.engine.replay(TENANT, id);
      if (!identical) throw new Error("the run's replay differs");
      return result as Awaited<ReturnType<typeof work>>;
    },
    async on(files, work, spec) {
      await using repository: TestRepository = await makeRepository(files);
      return await stage.use({ kind: "folder", path: repository.path }, work, spec);
    },
    [Symbol.asyncDispose]: () => runs[Symbol.asyncDispose](),
  };
  return stage;
}
