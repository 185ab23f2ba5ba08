import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { type AppliedLimit, GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import { readManifest, writeManifest } from "../snapshot/index.ts";
import type { ForkReport, SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import { captureTree, removeTree, restoreTree } from "../trees/index.ts";
import type { Standstill } from "./standstill.ts";

const MIB = 1 << 20;
/** The watchdog over a workspace's size is late by what can be written meanwhile. */
const SLACK = 2;
/** Sandboxes of one fork that are made at the same time. */
const AT_ONCE = 4;

/** What a sandbox needs of its driver to have children. */
export interface Family {
  readonly nativeDir: string;
  readonly restore: (dir: string, spec: SandboxSpec, signal?: AbortSignal) => Promise<Sandbox>;
}

export interface Taken {
  readonly manifest: SnapshotManifest;
  /** How long the sandbox stood still, milliseconds. */
  readonly silentMs: number;
}

/** Copies the workspace while the sandbox stands still. The folder is whole or not there. */
export async function takeSnapshot(parts: {
  readonly options: SnapshotOptions;
  readonly workspace: string;
  readonly limitsApplied: readonly AppliedLimit[];
  readonly standstill: Standstill;
  readonly nativeDir: string;
}): Promise<Taken> {
  const { dir, base, signal } = parts.options;
  await makeFolder(dir);
  try {
    const since = performance.now();
    const captured = await copyStill(parts);
    const silentMs = performance.now() - since;
    const described = { isolation: "bubblewrap", kind: "files", compatibility: {}, data: { ...captured } } as const;
    return { manifest: await writeManifest(dir, described, signal), silentMs };
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }

  async function copyStill({ workspace, standstill, nativeDir, limitsApplied }: typeof parts) {
    await using _still = await standstill.hold();
    const maxBytes = diskBytes(limitsApplied) * SLACK;
    return await captureTree({ tree: workspace, store: dir, base, maxBytes, nativeDir, signal });
  }
}

/** Makes a workspace from a snapshot's folder, whole or not at all. Errors: `snapshot_corrupt`, `snapshot_incompatible`, `already_exists`. */
export async function restoreWorkspace(parts: {
  readonly dir: string;
  readonly workspace: string;
  readonly nativeDir: string;
  readonly signal: AbortSignal | undefined;
}): Promise<void> {
  const { dir, workspace, nativeDir, signal } = parts;
  const { kind } = await readManifest(dir, "bubblewrap", signal);
  if (kind !== "files") throw new GloveboxError("snapshot_incompatible", "The snapshot is not one of files");
  const part = `${workspace}.part`;
  await makeFolder(part);
  try {
    await restoreTree({ store: dir, into: part, nativeDir, signal });
    await removeEmpty(workspace);
    await rename(`${part}/tree`, workspace);
  } finally {
    await removeTree(part);
  }
}

/** Sandboxes with the same files as one that goes on. All or none. */
export async function forkSandbox(parts: {
  readonly specs: readonly SandboxSpec[];
  /** Takes the copy from which they are made, until they are; beside the workspace, where blocks of files can be shared. */
  readonly folder: string;
  readonly take: (dir: string) => Promise<Taken>;
  readonly family: Family;
  readonly signal: AbortSignal | undefined;
}): Promise<ForkReport<Sandbox>> {
  const { specs, folder, family, signal } = parts;
  const made: Sandbox[] = [];
  try {
    const { silentMs } = await parts.take(folder);
    for (let at = 0; at < specs.length; at += AT_ONCE) {
      const some = specs.slice(at, at + AT_ONCE).map((spec) => family.restore(folder, spec, signal));
      const results = await Promise.allSettled(some);
      for (const result of results) if (result.status === "fulfilled") made.push(result.value);
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
    return { sandboxes: made, path: "copied", silentMs };
  } catch (error) {
    await Promise.allSettled(made.map((sandbox) => sandbox.destroy()));
    for (const { workspaceDir } of specs) await removeTree(workspaceDir);
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new GloveboxError("already_exists", "The folder exists already", { cause });
    if (code === "ENOSPC") throw new GloveboxError("resource_exhausted", "No space is left on the disk", { cause });
    throw cause;
  }
}

async function removeEmpty(dir: string): Promise<void> {
  try {
    await rmdir(dir);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    throw new GloveboxError("already_exists", "The workspace is not empty", { cause });
  }
}

function diskBytes(applied: readonly AppliedLimit[]): number {
  const disk = applied.find(({ limit }) => limit === "diskMb")?.requested;
  return (typeof disk === "number" ? disk : 1024) * MIB;
}
