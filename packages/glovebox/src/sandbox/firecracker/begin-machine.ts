import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent, newLineKey } from "../agent/index.ts";
import { FIRST_EPOCH, noteEpoch } from "../bubblewrap/epoch.ts";
import type { SandboxSpec } from "../driver.ts";
import { applyLimits } from "../microvm/limit-plan.ts";
import { machineName, nameFolder } from "../microvm/machines.ts";
import { settleIn } from "../microvm/settle-in.ts";
import { makeWorkspaceDisk } from "../microvm/sparse-copy.ts";
import type { Supervisor, SupervisorPool, WaitingSupervisor } from "../supervisor/index.ts";
import type { FirecrackerApi } from "./api-client.ts";
import { IMAGE_FILES, type LiveImage } from "./image.ts";
import { Jail } from "./jail.ts";
import { JAIL_BASE, JAIL_FILES, jailRoot } from "./jail-paths.ts";
import { apiOf } from "./jailed-api.ts";
import { jailerArgv } from "./jailer-argv.ts";
import { bootMachine, fillJail, type GuestFiles, loadMachine } from "./machine.ts";
import { makeNetworkNamespace, removeNetworkNamespace } from "./network-namespace.ts";
import { noteUid } from "./own-uid.ts";
import { type FirecrackerHost, programName } from "./prepare-host.ts";
import { openGuest } from "./reach-agent.ts";
import type { FirecrackerState, GuestFacts, GuestShape } from "./record.ts";
import { unifiedPath } from "./unified-path.ts";

const MIB = 1 << 20;
/** How long the jailed Firecracker may take until it takes requests, milliseconds. */
const API_MS = 10_000;
/** How long a guest may take until its agent answers, milliseconds: from its kernel, or from where it was saved. */
const BOOT_MS = 30_000;
const GO_ON_MS = 15_000;
const POLL_MS = 5;

/** What machines are started with. */
export interface MachineRoom {
  readonly host: FirecrackerHost;
  readonly pool: SupervisorPool;
  readonly runDir: string;
  readonly filesOf: (shape: GuestShape) => Promise<GuestFiles>;
}

/** What a sandbox begins as: a guest that boots, or one that goes on from an image. */
export type Origin =
  | { readonly kind: "boot"; readonly facts: GuestFacts }
  | { readonly kind: "image"; readonly image: LiveImage };

export interface BegunMachine {
  readonly waiting: WaitingSupervisor;
  readonly jail: Jail;
  readonly connection: AgentConnection;
  readonly state: FirecrackerState;
  readonly epoch: bigint;
}

export interface BeginOptions {
  readonly uid: number;
  readonly signal?: AbortSignal;
}

/** Starts a machine, and makes it one of its own: clock, random state, name, limits, network, workspace. Leaves nothing behind when it fails. */
export async function beginMachine(
  room: MachineRoom,
  origin: Origin,
  spec: SandboxSpec,
  { uid, signal }: BeginOptions,
): Promise<BegunMachine> {
  const facts = factsOf(origin, spec);
  let waiting = await room.pool.take();
  try {
    const { supervisor, cgroup } = waiting;
    const network = spec.network ? "proxy" : "none";
    const limitsApplied = applyLimits(facts.limits, facts.shape, cgroup, uid, spec.allowPartial, network);
    waiting = nameFolder(waiting, join(room.runDir, spec.id));
    const epoch = origin.kind === "image" ? origin.image.epoch + 1n : FIRST_EPOCH;
    await noteUid(waiting.folder, uid);
    await noteEpoch(waiting.folder, epoch);
    const jail = new Jail(jailRoot(waiting.folder, programName(room.host), spec.id), uid);
    await fill(jail, await room.filesOf(facts.shape), origin, facts, waiting.folder);
    signal?.throwIfAborted();
    await startJailer(room, waiting, { spec, uid, facts });
    const connection = await bringUp(waiting, jail, origin, { epoch, facts, ...(signal ? { signal } : {}) });
    await connection.renew({ hostname: machineName(spec.id), key: newLineKey() });
    await settleIn(connection, spec, { copy: origin.kind === "image", network: facts.network }, signal);
    const state: FirecrackerState = {
      ...facts,
      supervisor: supervisor.identity,
      cgroups: cgroup.places,
      uid,
      program: programName(room.host),
      workspaceDir: spec.workspaceDir,
      limitsApplied,
    };
    return { waiting, jail, connection, state, epoch };
  } catch (error) {
    await discard(waiting);
    throw error;
  }
}

/** Ends a machine and removes what it had on the host. */
export async function discard({ supervisor, cgroup, folder }: WaitingSupervisor): Promise<void> {
  await supervisor.kill();
  supervisor.release();
  await cgroup.remove();
  await removeFolder(folder);
}

/** What is the new sandbox's to say, and what its origin's. Errors: `conflict` for a network where the origin has none. */
function factsOf(origin: Origin, spec: SandboxSpec): GuestFacts {
  if (origin.kind === "boot") return origin.facts;
  const { facts } = origin.image;
  if (spec.network && !facts.network) {
    throw new GloveboxError("conflict", "The machine was made without a network, and gets none");
  }
  return facts;
}

/** Removes a run folder with what is mounted in it. Idempotent. */
export async function removeFolder(folder: string): Promise<void> {
  await removeNetworkNamespace(folder);
  await rm(folder, { recursive: true, force: true });
}

async function fill(
  jail: Jail,
  files: GuestFiles,
  origin: Origin,
  { limits }: GuestFacts,
  folder: string,
): Promise<void> {
  if (origin.kind === "image") {
    const [memory, state, workspace] = [IMAGE_FILES.memory, IMAGE_FILES.state, IMAGE_FILES.workspace].map((name) =>
      join(origin.image.dir, name),
    ) as [string, string, string];
    await fillJail(jail, files, workspace, { memory, state });
    return;
  }
  const workspace = join(folder, JAIL_FILES.workspace);
  await makeWorkspaceDisk(workspace, limits.diskMb);
  await fillJail(jail, files, workspace, undefined);
  await rm(workspace);
}

async function startJailer(
  { host }: MachineRoom,
  { supervisor, cgroup, folder }: WaitingSupervisor,
  { spec, uid, facts }: { readonly spec: SandboxSpec; readonly uid: number; readonly facts: GuestFacts },
): Promise<void> {
  const netns = await makeNetworkNamespace(folder);
  const unifiedCgroup = unifiedPath(cgroup.places);
  await supervisor.go({
    outlive: spec.outliveServer ?? true,
    binds: [],
    fds: [],
    argv: jailerArgv({
      jailer: host.jailer,
      firecracker: host.firecracker,
      id: spec.id,
      uid,
      base: join(folder, JAIL_BASE),
      netns,
      // The longest are its memory, saved, and the workspace; the file systems' tables come on top.
      mostFileBytes: 2 * Math.max(facts.shape.ramMb, facts.limits.diskMb) * MIB,
      ...(unifiedCgroup === undefined ? {} : { unifiedCgroup }),
    }),
    env: {},
  });
}

/** Has it boot or go on, and connects to its agent. Errors: `isolation_unavailable` with what was said, `cancelled`. */
async function bringUp(
  { supervisor }: WaitingSupervisor,
  jail: Jail,
  origin: Origin,
  { epoch, facts, signal }: { readonly epoch: bigint; readonly facts: GuestFacts; readonly signal?: AbortSignal },
): Promise<AgentConnection> {
  try {
    const api = apiOf(jail);
    await apiReady(api, supervisor, signal);
    if (origin.kind === "boot") await bootMachine(api, facts.shape, signal);
    else await loadMachine(api, signal);
    const timeoutMs = origin.kind === "boot" ? BOOT_MS : GO_ON_MS;
    const open = (until: AbortSignal) => openGuest(jail, supervisor, until);
    return await connectAgent({ open, epoch, timeoutMs, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) throw error;
    const said = [await supervisor.log(), await jail.log()].filter((text) => text !== "").join(" ");
    const why = error instanceof Error ? error.message : String(error);
    throw new GloveboxError(
      "isolation_unavailable",
      `The Firecracker machine did not start: ${why}${said && `; it said: ${said.slice(-1_000)}`}`,
      { cause: error },
    );
  }
}

/** Waits until Firecracker takes requests. Errors: `unavailable`. */
async function apiReady(api: FirecrackerApi, supervisor: Supervisor, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + API_MS;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await api.describe({ timeoutMs: API_MS, ...(signal ? { signal } : {}) });
      return;
    } catch (error) {
      if (!supervisor.alive || performance.now() > deadline) throw error;
    }
    await sleep(POLL_MS);
  }
}
