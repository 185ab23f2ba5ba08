import type { SessionInput, Template } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import type { PoolMember } from "../pools/pool-member.ts";
import type { Pools } from "../pools/pools.ts";
import type { Taken } from "../pools/warm-pool.ts";
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

interface Asked {
  readonly template: Template;
  readonly input: SessionInput;
}

/** A ready sandbox that is alive, where one fits, else a new one. What it leaves when it fails is the spec's workspace. */
export async function obtainSandbox(
  parts: ObtainParts,
  asked: Asked,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<Obtained> {
  signal?.throwIfAborted();
  for (let again = false; ; again = true) {
    const taken = takeReady(parts.pools, asked, spec, again);
    if (taken === undefined) return newSandbox(parts, asked, spec, signal);
    if (await taken.alive) return fromPool(taken.member);
  }
}

/** As {@link obtainSandbox}, but whether a ready one is alive is for the caller to wait for, beside other things. */
export async function obtainUnconfirmed(
  parts: ObtainParts,
  asked: Asked,
  spec: SandboxSpec,
  options: { readonly signal: AbortSignal | undefined; readonly again: boolean },
): Promise<Obtained & { readonly alive: Promise<boolean> }> {
  options.signal?.throwIfAborted();
  const taken = takeReady(parts.pools, asked, spec, options.again);
  if (taken !== undefined) return { ...fromPool(taken.member), alive: taken.alive };
  return { ...(await newSandbox(parts, asked, spec, options.signal)), alive: Promise.resolve(true) };
}

function fromPool(member: PoolMember): Obtained {
  return { sandbox: member.sandbox, workspaceDir: member.spec.workspaceDir, member };
}

async function newSandbox(
  { isolations }: ObtainParts,
  { template, input }: Asked,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<Obtained> {
  const { workspaceDir } = spec;
  const prepared = await prepareWorkspace(workspaceDir, input.workspace, signal);
  return { sandbox: await isolations.driver(template.isolation).create(spec, signal), workspaceDir, ...prepared };
}

function takeReady(pools: Pools, { template, input }: Asked, spec: SandboxSpec, again: boolean): Taken | undefined {
  switch (input.workspace?.kind) {
    case "dir":
    case "git":
      // The host writes these, and to no folder that a sandbox has already.
      pools.missWorkspace(template);
      return undefined;
    case "archive":
      // Is unpacked before the kernels start, which may read it when they do.
      return pools.take(template, spec, { kernels: false, again });
    default:
      return pools.take(template, spec, { kernels: true, again });
  }
}
