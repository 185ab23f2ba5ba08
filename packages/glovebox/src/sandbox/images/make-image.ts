import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Language, Logger } from "../../core/index.ts";
import { ContentHeap } from "./content-heap.ts";
import type { FileTree } from "./file-tree.ts";
import { foundLanguages } from "./found-languages.ts";
import type { Image, ImageWorkOptions } from "./image.ts";
import { asImageError, type ImageStore, type NewImage } from "./image-store.ts";
import { packTree } from "./pack-tree.ts";
import { openWorkFolder, sweepWorkFolders } from "./work-folder.ts";

/** Of the whole, what comes before packing. */
export const TREE_SHARE = 0.9;

/** Where an image is made. */
export interface MakingPlace {
  /** Gone afterwards, whatever happens. */
  readonly workDir: string;
  /** For a root that is being installed; gone, too. */
  readonly rootDir: string;
  readonly heap: ContentHeap;
}

export interface MakeOptions {
  readonly name: string;
  /** Folder of all that is being made, on the file system of the store. */
  readonly building: string;
  readonly store: ImageStore;
  readonly logger: Logger;
  /** Of all files together, unpacked. */
  readonly maxBytes: number;
  /** Makes the files, and says what else is to be remembered. */
  readonly make: (place: MakingPlace) => Promise<MadeTree>;
}

export interface MadeTree extends Pick<NewImage, "inputsHash" | "origin" | "description"> {
  readonly tree: FileTree;
  /** Found in the tree where they are not given. */
  readonly languages?: readonly Language[];
}

/** Makes a tree, packs it, and keeps it under its name. A failure leaves nothing. Errors: `make`'s, `runTool`'s, `resource_exhausted`. */
export async function makeImage(options: MakeOptions, { signal, onProgress }: ImageWorkOptions): Promise<Image> {
  const { name, building, store, logger } = options;
  const left = await sweepWorkFolders(building);
  if (left > 0) logger.warn({ left }, "removed what ended makers of images had left");
  try {
    await mkdir(building, { recursive: true, mode: 0o700 });
    await using folder = await openWorkFolder(building);
    await using heap = await ContentHeap.create(join(folder.dir, "contents"), options.maxBytes);
    const { tree, languages, ...facts } = await options.make({ workDir: folder.dir, rootDir: folder.rootDir, heap });
    const packed = join(folder.dir, "rootfs.squashfs");
    const report = (share: number) =>
      onProgress?.({ stage: "packing", fraction: TREE_SHARE + share * (1 - TREE_SHARE) });
    report(0);
    await packTree(tree, heap, packed, { onShare: report, ...(signal && { signal }) });
    const image = await store.keep(name, packed, {
      ...facts,
      languages: languages ?? foundLanguages(tree),
      createdAt: new Date().toISOString(),
    });
    logger.info({ image: name, id: image.id, bytes: image.sizeBytes, origin: image.origin }, "made an image");
    onProgress?.({ stage: "ready", fraction: 1 });
    return image;
  } catch (error) {
    throw asImageError(error);
  }
}
