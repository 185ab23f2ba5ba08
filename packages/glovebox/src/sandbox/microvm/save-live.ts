import { createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GloveboxError } from "../../core/index.ts";
import type { SandboxFiles } from "../files.ts";
import { writeManifest } from "../snapshot/index.ts";
import type { SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import type { Qmp } from "./qmp.ts";
import type { LiveImage } from "./sandbox.ts";
import { saveState } from "./save-state.ts";
import { sparseCopy } from "./sparse-copy.ts";

/** The files of an image. */
export const IMAGE_FILES = {
  state: "state",
  memory: "memory",
  workspace: "workspace",
  archive: "workspace.tar",
} as const;

export interface SaveOptions {
  /** The machine's run folder. */
  readonly folder: string;
  /** See `IO_NAME`. */
  readonly io: string;
  readonly dir: string;
  /** Copy the file that is its memory, instead of having QEMU write it out. */
  readonly memoryApart: boolean;
  /** Bytes of state at most. */
  readonly most: number;
  /** It stands still already, and shall afterwards. */
  readonly stopped: boolean;
}

/** Writes an image of a machine into `dir`, while it stands still, and returns for how long it did, milliseconds. It goes on, come what may. */
export async function saveLive(qmp: Qmp, options: SaveOptions): Promise<number> {
  const { folder, io, dir, memoryApart, most, stopped } = options;
  const begun = performance.now();
  if (!stopped) await qmp.run("stop");
  try {
    const copies = [sparseCopy(join(folder, IMAGE_FILES.workspace), join(dir, IMAGE_FILES.workspace))];
    // Its memory is whole in the file once QEMU has written the state, which drains what devices have under way.
    await saveState(qmp, io, join(dir, IMAGE_FILES.state), { memoryApart, most });
    if (memoryApart) copies.push(sparseCopy(join(folder, IMAGE_FILES.memory), join(dir, IMAGE_FILES.memory)));
    await Promise.all(copies);
    // QEMU reads them under the uid of whoever begins from them; nobody else gets into the folder.
    for (const name of await readdir(dir)) await chmod(join(dir, name), 0o444);
  } finally {
    if (!stopped) await qmp.run("cont");
  }
  return performance.now() - begun;
}

/** Makes the folder of a snapshot, and fills it. One that fails is removed. */
export async function snapshotInto(
  { dir, kind = "memory", signal }: SnapshotOptions,
  files: SandboxFiles,
  compatibility: Readonly<Record<string, string>>,
  save: (dir: string) => Promise<{ readonly image: LiveImage }>,
): Promise<SnapshotManifest> {
  await mkdir(dir, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === "EEXIST"
      ? new GloveboxError("already_exists", "The snapshot's folder exists", { cause })
      : cause;
  });
  try {
    if (kind === "files") {
      const archive = createWriteStream(join(dir, IMAGE_FILES.archive), { flags: "wx", mode: 0o600 });
      await pipeline(Readable.from(files.pack("/workspace", signal)), archive, ...(signal ? [{ signal }] : []));
      return await writeManifest(dir, { isolation: "microvm", kind, compatibility: {}, data: {} }, signal);
    }
    const { image } = await save(dir);
    const { state, epoch } = image;
    const data = { state, epoch: String(epoch) };
    const { accelerator, image: root } = state.shape;
    const whole = { ...compatibility, accelerator, image: root.id };
    return await writeManifest(dir, { isolation: "microvm", kind, compatibility: whole, data: { ...data } }, signal);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") {
      throw new GloveboxError("resource_exhausted", "No space is left for the snapshot", { cause: error });
    }
    throw error;
  }
}
