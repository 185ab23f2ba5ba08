import { createReadStream } from "node:fs";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import { readManifest, requireCompatible } from "../snapshot/index.ts";
import type { SnapshotManifest } from "../snapshot.ts";
import { isShape, type MicrovmState } from "./record.ts";
import type { LiveImage } from "./sandbox.ts";
import { IMAGE_FILES } from "./save-live.ts";

/** What restoring needs of the driver. */
export interface RestoreRoom {
  readonly compatibility: () => Promise<Readonly<Record<string, string>>>;
  readonly begin: (image: LiveImage, spec: SandboxSpec, signal?: AbortSignal) => Promise<Sandbox>;
  readonly create: (spec: SandboxSpec, signal?: AbortSignal) => Promise<Sandbox>;
}

/** Makes a sandbox from a snapshot. Errors: `snapshot_corrupt`, `snapshot_incompatible`, and those of starting one. */
export async function restoreSnapshot(
  dir: string,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
  room: RestoreRoom,
): Promise<Sandbox> {
  const manifest = await readManifest(dir, "microvm", signal);
  if (manifest.kind === "files") return restoreFiles(dir, spec, signal, room);
  const { state, epoch } = savedState(manifest);
  const { accelerator, image } = state.shape;
  requireCompatible(manifest, { ...(await room.compatibility()), accelerator, image: image.id });
  return room.begin({ dir, memoryApart: false, state, epoch }, spec, signal);
}

async function restoreFiles(
  dir: string,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
  room: RestoreRoom,
): Promise<Sandbox> {
  const sandbox = await room.create(spec, signal);
  try {
    await sandbox.files.unpack("/workspace", createReadStream(join(dir, IMAGE_FILES.archive)), signal);
    return sandbox;
  } catch (error) {
    await sandbox.destroy();
    throw error;
  }
}

/** The manifest's checksums say that it is what was written; what was written is checked all the same. */
function savedState(manifest: SnapshotManifest): { state: MicrovmState; epoch: bigint } {
  const { state, epoch } = manifest.data as { state?: Partial<MicrovmState>; epoch?: unknown };
  const sound =
    state !== undefined &&
    isShape(state.shape) &&
    typeof state.lineKey === "string" &&
    /^[0-9a-f]{32}$/.test(state.lineKey) &&
    Array.isArray(state.limitsApplied) &&
    Number.isSafeInteger(state.openFiles) &&
    Number.isSafeInteger(state.diskMb) &&
    typeof epoch === "string" &&
    /^\d{1,19}$/.test(epoch);
  if (!sound) throw new GloveboxError("snapshot_corrupt", "The snapshot does not describe a machine");
  return { state: state as MicrovmState, epoch: BigInt(epoch as string) };
}
