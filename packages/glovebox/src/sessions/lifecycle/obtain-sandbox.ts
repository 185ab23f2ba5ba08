import type { SessionInput, Template } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import type { PoolMember } from "../pools/pool-member.ts";
import type { Pools } from "../pools/pools.ts";
import type { Isolations } from "./isolations.ts";
import { prepareWorkspace } from "./workspace.ts";

export interface ObtainParts {
  readonly isolations: Isolations;
  readonly pools: Pools;
}

/** A session's sandbox with its workspace, out of a pool or new. The caller owns both. */
export interface Obtained {
  readonly sandbox: Sandbox;
  /** The spec's, or the one that came with a ready sandbox. */
  readonly workspaceDir: string;
  /** Of a cloned repository. */
  readonly baseCommit?: string;
  /** Where it came from, when it was ready. */
  readonly member?: PoolMember;
}

/** A ready sandbox where one fits, else a new one. What it leaves when it fails is the spec's workspace. */
export async function obtainSandbox(
  { isolations, pools }: ObtainParts,
  { template, input }: { readonly template: Template; readonly input: SessionInput },
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<Obtained> {
  signal?.throwIfAborted();
  const { workspace } = input;
  const member = await takeReady(pools, template, workspace, spec);
  if (member !== undefined) return { sandbox: member.sandbox, workspaceDir: member.spec.workspaceDir, member };
  const { workspaceDir } = spec;
  const prepared = await prepareWorkspace(workspaceDir, workspace, signal);
  return { sandbox: await isolations.driver(template.isolation).create(spec, signal), workspaceDir, ...prepared };
}

async function takeReady(
  pools: Pools,
  template: Template,
  workspace: SessionInput["workspace"],
  spec: SandboxSpec,
): Promise<PoolMember | undefined> {
  switch (workspace?.kind) {
    case "dir":
    case "git":
      // The host writes these, and to no folder that a sandbox has already.
      pools.missWorkspace(template);
      return undefined;
    case "archive":
      // Is unpacked before the kernels start, which may read it when they do.
      return pools.take(template, spec, { kernels: false });
    default:
      return pools.take(template, spec, { kernels: true });
  }
}
