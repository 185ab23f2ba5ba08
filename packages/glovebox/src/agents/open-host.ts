import { z } from "zod";
import { GloveboxError } from "../core/index.ts";
import type { ProgramContext } from "../engine/index.ts";
import type { RunDocuments } from "../runs/index.ts";
import type { AgentHost, AgentModel } from "./agent.ts";
import type { CodeThreads } from "./code/code-threads.ts";
import type { Baselines } from "./memory/baselines.ts";
import type { Lessons } from "./memory/lessons.ts";
import type { Retrieve } from "./memory/retrieve.ts";
import { RepositorySource } from "./workbench/repository-tree.ts";
import { Workbench, type WorkbenchParts, type WorkbenchSpec } from "./workbench/workbench.ts";

/** What a server has for agents. */
export interface HostParts {
  readonly workbench: WorkbenchParts;
  readonly code: CodeThreads;
  readonly retrieve?: Retrieve;
  readonly lessons?: Lessons;
  readonly baselines?: Baselines;
  readonly documents?: RunDocuments;
  /** A configured model by its name; absent: there is none. */
  readonly models?: (tenantId: string, name: string) => Promise<AgentModel>;
}

/** What a program of agents is given to work with. */
export const HostInput = z.strictObject({
  repository: RepositorySource.optional(),
  /** Of the sandbox that the repository lies in. Default: the default template. */
  template: z.string().min(1).max(64).optional(),
  /** Fixes what programs inside see of chance and place. Default true. */
  deterministic: z.boolean().optional(),
  /** Default: agents do without. */
  model: z.string().min(1).max(200).optional(),
});
export type HostInput = z.infer<typeof HostInput>;

/** What flows say of the sandbox besides. */
type MoreOfSandbox = Pick<WorkbenchSpec, "isolation" | "snapshots">;

/** Opens the repository, and gathers what agents work with. `unavailable` for a model that there is not; errors as of {@link Workbench.open}. */
export async function openHost(
  run: ProgramContext,
  { workbench, models, ...parts }: HostParts,
  { repository, model, template, deterministic, isolation, snapshots }: HostInput & MoreOfSandbox,
): Promise<AgentHost> {
  const found = model === undefined ? undefined : await modelNamed(run, models, model);
  const spec = {
    ...(template !== undefined && { template }),
    ...(deterministic !== undefined && { deterministic }),
    ...(isolation !== undefined && { isolation }),
    ...(snapshots !== undefined && { snapshots }),
  };
  const bench = repository === undefined ? undefined : await Workbench.open(run, workbench, repository, spec);
  return { run, ...parts, ...(bench !== undefined && { bench }), ...(found !== undefined && { model: found }) };
}

async function modelNamed(run: ProgramContext, models: HostParts["models"], name: string): Promise<AgentModel> {
  if (models === undefined) throw new GloveboxError("unavailable", `this server has no model ${name} for agents`);
  return models(run.tenantId, name);
}
