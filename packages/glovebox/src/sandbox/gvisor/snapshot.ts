import { chmod, chown, copyFile, link, mkdir, rename, rm, stat } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { GloveboxError, newId, type SessionLimits } from "../../core/index.ts";
import { type AgentConnection, openAgentSocket } from "../agent/index.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import { withSocketPath } from "../bubblewrap/socket-path.ts";
import type { KernelOptions, SandboxSpec } from "../driver.ts";
import { readManifest, requireCompatible, writeManifest } from "../snapshot/index.ts";
import type { SnapshotKind, SnapshotManifest } from "../snapshot.ts";
import { CONTAINER, EXCHANGE_NAME, IMAGE_NAME } from "./places.ts";
import type { PreparedHost } from "./prepare-host.ts";
import { areLimits, type GvisorState } from "./record.ts";
import { runscCommand } from "./runsc.ts";
import { checkpointCommand, restoreCommand } from "./runsc-argv.ts";
import { packWorkspace } from "./workspace-archive.ts";

const WORKSPACE_NAME = "workspace.tar";
const RESUME_MS = 30_000;

/** What is taken a snapshot of. */
export interface SnapshotSource {
  readonly side: HostSide;
  readonly connection: AgentConnection;
  readonly state: GvisorState;
  readonly host: PreparedHost;
  readonly paused: boolean;
}

/** What a snapshot says of the sandbox that was: the driver's part of its manifest. */
export interface SnapshotData {
  readonly limits: SessionLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly network: boolean;
  readonly trusting: boolean;
  readonly packages: boolean;
  /** Of the agent's latest connection, as text: the next must be higher. */
  readonly epoch: string;
}

/** Makes `dir` and writes the snapshot into it; on an error `dir` is gone and the sandbox goes on. Says how long it stood still. */
export async function takeSnapshot(
  source: SnapshotSource,
  kind: SnapshotKind,
  dir: string,
  signal?: AbortSignal,
): Promise<{ readonly manifest: SnapshotManifest; readonly silentMs: number }> {
  await makeFolder(dir);
  try {
    const silentMs = await (kind === "memory" ? takeMemory : takeFiles)(source, dir, signal);
    const described = {
      isolation: "gvisor",
      kind,
      compatibility: kind === "memory" ? await compatibilityOf(source.host) : {},
      data: { ...dataOf(source) },
    } as const;
    return { manifest: await writeManifest(dir, described, signal), silentMs };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw (error as NodeJS.ErrnoException).code === "ENOSPC"
      ? new GloveboxError("resource_exhausted", "No space is left for the snapshot", { cause: error })
      : error;
  }
}

export interface CheckedSnapshot {
  readonly kind: SnapshotKind;
  readonly data: SnapshotData;
  readonly workspace: string;
  readonly image: string;
}

/** Reads and checks all of it. Errors: `snapshot_corrupt`, `snapshot_incompatible`. */
export async function readSnapshot(dir: string, host: PreparedHost, signal?: AbortSignal): Promise<CheckedSnapshot> {
  const manifest = await readManifest(dir, "gvisor", signal);
  if (manifest.kind === "memory") requireCompatible(manifest, await compatibilityOf(host));
  return snapshotOf(manifest, dir);
}

/** The snapshot that a manifest describes. Errors: `snapshot_corrupt`. */
export function snapshotOf(manifest: SnapshotManifest, dir: string): CheckedSnapshot {
  const { kind } = manifest;
  const names = [WORKSPACE_NAME, ...(kind === "memory" ? [IMAGE_NAME] : [])];
  const data = manifest.data as Partial<SnapshotData>;
  const sound =
    Object.keys(manifest.files).sort().join() === names.sort().join() &&
    areLimits(data.limits) &&
    isText(data.env) &&
    /^\d{1,18}$/.test(data.epoch ?? "");
  if (!sound) throw new GloveboxError("snapshot_corrupt", "The snapshot is not one of a gvisor sandbox");
  return { kind, data: data as SnapshotData, workspace: join(dir, WORKSPACE_NAME), image: join(dir, IMAGE_NAME) };
}

/**
 * What a sandbox from the snapshot is made of: limits, environment and kernel options of then, the rest as asked. Errors: `conflict` when
 * what memory knows is there would not be.
 */
export function asOf({ kind, data }: CheckedSnapshot, asked: SandboxSpec): SandboxSpec {
  const { kernelOptions: _, ...rest } = asked;
  const { limits, env, kernelOptions } = data;
  const spec = { ...rest, limits, env, languages: [], ...(kernelOptions ? { kernelOptions } : {}) };
  if (kind === "files") return spec;
  const wrong = [
    ...(asked.network && !data.network ? ["it was made without a network"] : []),
    ...((asked.network?.authority !== undefined) !== data.trusting ? ["it trusted other authorities"] : []),
    ...((asked.packages !== undefined) !== data.packages ? ["it had other packages"] : []),
  ];
  if (wrong.length === 0) return spec;
  throw new GloveboxError("conflict", `The snapshot does not fit what is asked for: ${wrong.join(", ")}`);
}

/** Puts a snapshot's memory where a new sandbox's runsc finds it. Returns the checkpoint's name in the exchange. */
export async function placeImage(image: string, folder: string): Promise<string> {
  const name = newId();
  const place = join(folder, EXCHANGE_NAME, name);
  await mkdir(place, { recursive: true, mode: 0o755 });
  const target = join(place, IMAGE_NAME);
  // It is only read, and by whoever is let into the folder: the snapshot's own file will do.
  await link(image, target).catch(() => copyFile(image, target));
  await chmod(target, 0o444);
  return name;
}

async function takeFiles({ side, state, paused }: SnapshotSource, dir: string, signal?: AbortSignal): Promise<number> {
  const begun = performance.now();
  if (!paused) await runscCommand(side.folder, ["pause", CONTAINER]);
  try {
    await packWorkspace(state.workspaceDir, join(dir, WORKSPACE_NAME), signal);
  } finally {
    if (!paused) await runscCommand(side.folder, ["resume", CONTAINER]);
  }
  return performance.now() - begun;
}

/**
 * runsc's checkpoint ends the sandbox, so it is restored from it at once, and goes on. No connection of the host can be in a checkpoint:
 * the conversation with the agent is interrupted, and goes on as well.
 */
async function takeMemory(source: SnapshotSource, dir: string, signal?: AbortSignal): Promise<number> {
  const { side, connection, state, paused } = source;
  const name = newId();
  const exchange = join(side.folder, EXCHANGE_NAME, name);
  // runsc waits for ever for the checkpoint of a sandbox that stands still.
  if (paused) await runscCommand(side.folder, ["resume", CONTAINER]);
  signal?.throwIfAborted();
  const begun = performance.now();
  await connection.suspend();
  try {
    const between = () => packWorkspace(state.workspaceDir, join(dir, WORKSPACE_NAME), signal);
    await runscCommand(side.folder, checkpointCommand(name), { words: restoreCommand(name), between });
  } finally {
    await resumeConversation(side, connection);
  }
  const silentMs = performance.now() - begun;
  if (paused) await runscCommand(side.folder, ["pause", CONTAINER]);
  await keepImage(join(exchange, IMAGE_NAME), join(dir, IMAGE_NAME));
  await rm(exchange, { recursive: true, force: true });
  return silentMs;
}

async function resumeConversation(side: HostSide, connection: AgentConnection): Promise<void> {
  try {
    const bound = AbortSignal.timeout(RESUME_MS);
    connection.resume(await withSocketPath(side.folder, (path) => openAgentSocket(path, bound)));
    await connection.ping(bound);
  } catch (error) {
    await connection.close();
    throw new GloveboxError("unavailable", "The sandbox did not come back from its checkpoint", { cause: error });
  }
}

/** What runsc wrote belongs to the sandbox's own uid until here. */
async function keepImage(from: string, to: string): Promise<void> {
  await rename(from, to).catch(() => copyFile(from, to));
  await chown(to, 0, 0);
  await chmod(to, 0o444);
}

function dataOf({ state, side }: SnapshotSource): SnapshotData {
  return {
    limits: state.limits,
    env: state.env,
    ...(state.kernelOptions ? { kernelOptions: state.kernelOptions } : {}),
    network: state.network === true,
    trusting: state.trusting === true,
    packages: state.packages !== undefined,
    epoch: String(side.epoch),
  };
}

/** Programs in memory are halves of files: the system, the agent and Node must be the same. gVisor checks the CPU's features itself, too. */
async function compatibilityOf(host: PreparedHost): Promise<Record<string, string>> {
  const packages = await stat("/var/lib/dpkg/status").catch(() => undefined);
  return {
    runsc: host.version,
    platform: host.platform,
    cpu: `${process.arch} ${cpus()[0]?.model ?? "unknown"}`,
    programs: host.programs.map((path) => basename(path)).join(" "),
    node: process.version,
    ...(packages ? { packages: `${packages.size} ${packages.mtimeMs}` } : {}),
  };
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new GloveboxError("already_exists", `The snapshot's folder exists already: ${dir}`);
  }
}

function isText(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}
