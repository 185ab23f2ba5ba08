import { chmod, chown, copyFile, link, mkdir, readdir, rename, rm, rmdir, stat, utimes } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { GloveboxError, newId, type SessionLimits } from "../../core/index.ts";
import { type AgentConnection, openAgentSocket } from "../agent/index.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import type { KernelOptions, SandboxSpec } from "../driver.ts";
import { readManifest, requireCompatible, writeManifest } from "../snapshot/index.ts";
import type { SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import { withSocketPath } from "../supervisor/index.ts";
import { type Captured, captureTree, removeTree, restoreTree } from "../trees/index.ts";
import { CONTAINER, EXCHANGE_NAME, IMAGE_NAME } from "./places.ts";
import type { PreparedHost } from "./prepare-host.ts";
import { areLimits, type GvisorState } from "./record.ts";
import { runscCommand } from "./runsc.ts";
import { checkpointCommand, restoreCommand } from "./runsc-argv.ts";

const MIB = 1 << 20;
/** The watchdog over a workspace's size is late by what can be written meanwhile. */
const SLACK = 2;
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
  { dir, kind = "memory", base, signal }: SnapshotOptions,
): Promise<{ readonly manifest: SnapshotManifest; readonly silentMs: number }> {
  await makeFolder(dir);
  try {
    const { nativeDir } = source.host;
    const maxBytes = source.state.limits.diskMb * MIB * SLACK;
    const tree = source.state.workspaceDir;
    let captured: Captured | undefined;
    const copyFiles = async () => {
      captured = await captureTree({ tree, store: dir, base, maxBytes, nativeDir, signal });
    };
    const silentMs =
      kind === "memory" ? await takeMemory(source, dir, copyFiles, signal) : await takeFiles(source, copyFiles);
    const described = {
      isolation: "gvisor",
      kind,
      compatibility: kind === "memory" ? await compatibilityOf(source.host) : {},
      data: { ...captured, ...(kind === "memory" && dataOf(source)) },
    } as const;
    return { manifest: await writeManifest(dir, described, signal), silentMs };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw (error as NodeJS.ErrnoException).code === "ENOSPC"
      ? new GloveboxError("resource_exhausted", "No space is left for the snapshot", { cause: error })
      : error;
  }
}

/** One that can be restored: of files alone, or of memory with them. */
export type CheckedSnapshot =
  | { readonly kind: "files"; readonly dir: string }
  | { readonly kind: "memory"; readonly dir: string; readonly data: SnapshotData; readonly image: string };

/** Reads and checks all of it. Errors: `snapshot_corrupt`, `snapshot_incompatible`. */
export async function readSnapshot(dir: string, host: PreparedHost, signal?: AbortSignal): Promise<CheckedSnapshot> {
  const manifest = await readManifest(dir, "gvisor", signal);
  if (manifest.kind === "memory") requireCompatible(manifest, await compatibilityOf(host));
  return snapshotOf(manifest, dir);
}

/** The snapshot that a manifest describes. Errors: `snapshot_corrupt`. */
export function snapshotOf({ kind, files, data }: SnapshotManifest, dir: string): CheckedSnapshot {
  if (kind === "files") return { kind, dir };
  if (!(IMAGE_NAME in files) || !isData(data)) {
    throw new GloveboxError("snapshot_corrupt", "The snapshot is not one of a gvisor sandbox");
  }
  return { kind, dir, data, image: join(dir, IMAGE_NAME) };
}

/** What a workspace is made from, and how. */
export interface WorkspaceRestore {
  readonly snapshot: CheckedSnapshot;
  readonly nativeDir: string;
  /** An empty folder on the same file system that becomes the workspace. Default: a new one does. */
  readonly folder?: string;
}

/**
 * Makes a workspace from a snapshot's folder. On an error nothing of the snapshot is in it. Errors: `already_exists` when it holds something, those of `restoreTree`,
 * `EXDEV` for a folder of another file system.
 */
export async function restoreWorkspace(
  { snapshot, nativeDir, folder }: WorkspaceRestore,
  workspace: string,
  signal?: AbortSignal,
): Promise<void> {
  const part = `${workspace}.part`;
  await makeFolder(part);
  try {
    await restoreTree({ store: snapshot.dir, into: part, nativeDir, signal });
    if (folder !== undefined) await moveTree(`${part}/tree`, folder);
    await rmdir(workspace).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return;
      throw new GloveboxError("already_exists", "The workspace is not empty", { cause });
    });
    await rename(folder ?? `${part}/tree`, workspace);
  } finally {
    await removeTree(part);
  }
}

/** Moves what is in a folder, and what that folder is, into an empty one. */
async function moveTree(from: string, to: string): Promise<void> {
  const { mode, atimeMs, mtimeMs } = await stat(from);
  for (const name of await readdir(from, { encoding: "buffer" })) {
    await rename(Buffer.concat([Buffer.from(`${from}/`), name]), Buffer.concat([Buffer.from(`${to}/`), name]));
  }
  await chmod(to, mode & 0o7777);
  await utimes(to, atimeMs / 1000, mtimeMs / 1000);
}

/**
 * What a sandbox from the snapshot is made of. With memory: limits, environment and kernel options of then, the rest as asked. Errors: `conflict` when
 * what memory knows is there would not be.
 */
export function asOf(snapshot: CheckedSnapshot, asked: SandboxSpec): SandboxSpec {
  if (snapshot.kind === "files") return asked;
  const { data } = snapshot;
  const { kernelOptions: _, ...rest } = asked;
  const { limits, env, kernelOptions } = data;
  const spec = { ...rest, limits, env, languages: [], ...(kernelOptions ? { kernelOptions } : {}) };
  const wrong = [
    ...(asked.network && !data.network ? ["it was made without a network"] : []),
    ...((asked.network?.authority !== undefined) !== data.trusting ? ["it trusted other authorities"] : []),
    ...((asked.packages !== undefined) !== data.packages ? ["it had other packages"] : []),
  ];
  if (wrong.length === 0) return spec;
  throw new GloveboxError("conflict", `The snapshot does not fit what is asked for: ${wrong.join(", ")}`);
}

/** Puts a snapshot's memory where a new sandbox's runsc finds it. Returns the checkpoint's name in the exchange. */
export async function placeImage(image: string, folder: string, name: string = newId()): Promise<string> {
  const place = join(folder, EXCHANGE_NAME, name);
  await mkdir(place, { recursive: true, mode: 0o755 });
  const target = join(place, IMAGE_NAME);
  // It is only read, and by whoever is let into the folder: the snapshot's own file will do.
  await link(image, target).catch(() => copyFile(image, target));
  await chmod(target, 0o444);
  return name;
}

async function takeFiles({ side, paused }: SnapshotSource, copyFiles: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  if (!paused) await runscCommand(side.folder, ["pause", CONTAINER]);
  try {
    await copyFiles();
  } finally {
    if (!paused) await runscCommand(side.folder, ["resume", CONTAINER]);
  }
  return performance.now() - begun;
}

/**
 * runsc's checkpoint ends the sandbox, so it is restored from it at once, and goes on. No connection of the host can be in a checkpoint:
 * the conversation with the agent is interrupted, and goes on as well.
 */
async function takeMemory(
  { side, connection, paused }: SnapshotSource,
  dir: string,
  copyFiles: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const name = newId();
  const exchange = join(side.folder, EXCHANGE_NAME, name);
  // runsc waits for ever for the checkpoint of a sandbox that stands still.
  if (paused) await runscCommand(side.folder, ["resume", CONTAINER]);
  signal?.throwIfAborted();
  const begun = performance.now();
  await connection.suspend();
  try {
    const replacement = { words: restoreCommand(name), between: copyFiles };
    await runscCommand(side.folder, checkpointCommand(name), replacement);
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

function isData(value: Readonly<Record<string, unknown>>): value is Readonly<Record<string, unknown>> & SnapshotData {
  const { limits, env, epoch } = value as Partial<SnapshotData>;
  const isEnv = typeof env === "object" && env !== null && Object.values(env).every((text) => typeof text === "string");
  return areLimits(limits) && isEnv && /^\d{1,18}$/.test(epoch ?? "");
}
