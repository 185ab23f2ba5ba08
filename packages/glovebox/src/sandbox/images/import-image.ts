import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { adoptPrograms } from "./adopt-programs.ts";
import type { ContentHeap } from "./content-heap.ts";
import type { ImageWorkOptions } from "./image.ts";
import { type MadeTree, TREE_SHARE } from "./make-image.ts";
import { ANNOTATIONS } from "./oci/annotations.ts";
import { type ChosenManifest, chooseManifest } from "./oci/choose-manifest.ts";
import { importOci } from "./oci/import-oci.ts";
import { OciLayout } from "./oci/layout.ts";
import { unpackArchive } from "./oci/unpack-archive.ts";
import { addSkeleton } from "./skeleton.ts";

/** Opens what `path` is: the folder of an OCI layout, or an archive of one, which is unpacked into `workDir`. Errors: `invalid_argument`. */
export async function openLayout(path: string, workDir: string, maxBytes: number, signal?: AbortSignal) {
  const found = await stat(path).catch((cause: unknown) => {
    throw new GloveboxError("invalid_argument", `no image can be read from ${path}`, { cause });
  });
  if (found.isDirectory()) return new OciLayout(path);
  const folder = join(workDir, "layout");
  await unpackArchive(createReadStream(path), folder, { maxBytes, ...(signal && { signal }) });
  return new OciLayout(folder);
}

/** What an image calls itself: as our exports say, else by its reference. */
export async function nameInside(layout: OciLayout): Promise<string | undefined> {
  const { manifest, reference } = await chooseManifest(layout);
  return manifest.annotations?.[ANNOTATIONS.name] ?? reference;
}

/** Puts together the tree of an OCI image. Errors: those of `importOci`. */
export async function importTree(
  layout: OciLayout,
  heap: ContentHeap,
  maxBytes: number,
  { signal, onProgress }: ImageWorkOptions,
): Promise<MadeTree> {
  const { tree, annotations, env } = await importOci(layout, heap, maxBytes, {
    onProgress: ({ stage, fraction }) => onProgress?.({ stage, fraction: fraction * TREE_SHARE }),
    ...(signal && { signal }),
  });
  tree.nextLayer();
  adoptPrograms(tree, env);
  await addSkeleton(tree, heap);
  return {
    tree,
    origin: "import",
    inputsHash: inputsHashIn(annotations),
    description: (annotations[ANNOTATIONS.description] ?? "").slice(0, 500),
  };
}

/** Part of the id alone: an image that was exported has the same id again. */
function inputsHashIn(annotations: ChosenManifest["manifest"]["annotations"]): string | null {
  const hash = annotations?.[ANNOTATIONS.inputsHash] ?? "";
  return /^[0-9a-f]{64}$/.test(hash) ? hash : null;
}
