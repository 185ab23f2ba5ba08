import { createReadStream } from "node:fs";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import { readManifest, requireCompatible } from "../snapshot/index.ts";
import type { SnapshotManifest } from "../snapshot.ts";
import { IMAGE_FILES, type LiveImage } from "./image.ts";
import { areFacts } from "./record.ts";

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
  const manifest = await readManifest(dir, "firecracker", signal);
  if (manifest.kind === "files") return restoreFiles(dir, spec, signal, room);
  const image = imageOf(dir, manifest);
  requireCompatible(manifest, { ...(await room.compatibility()), image: image.facts.shape.image.id });
  return room.begin(image, spec, signal);
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
function imageOf(dir: string, { data, files }: SnapshotManifest): LiveImage {
  const { facts, epoch } = data;
  const { memory, state, workspace } = IMAGE_FILES;
  const whole = [memory, state, workspace].every((name) => name in files);
  if (!whole || !areFacts(facts) || typeof epoch !== "string" || !/^\d{1,19}$/.test(epoch)) {
    throw new GloveboxError("snapshot_corrupt", "The snapshot does not describe a Firecracker machine");
  }
  return { dir, facts, epoch: BigInt(epoch) };
}
