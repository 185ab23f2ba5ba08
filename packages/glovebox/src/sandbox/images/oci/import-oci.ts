import { GloveboxError } from "../../../core/index.ts";
import { applyLayer } from "../apply-layer.ts";
import type { ContentHeap } from "../content-heap.ts";
import { FileTree } from "../file-tree.ts";
import type { ImageWorkOptions } from "../image.ts";
import { ARCHITECTURE, chooseManifest } from "./choose-manifest.ts";
import { decompressed, verified } from "./decompress.ts";
import type { OciLayout } from "./layout.ts";
import { compressionOf, type Descriptor, ImageConfig, parseDocument } from "./manifest.ts";

/** What else than files an OCI image says. */
export interface OciFacts {
  readonly reference?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly env: readonly string[];
}

export interface OciImport extends OciFacts {
  readonly tree: FileTree;
}

/**
 * Puts an OCI image's layers together. `maxBytes` bounds what they have, unpacked, all together. Errors: `invalid_argument`,
 * `payload_too_large`, `cancelled`.
 */
export async function importOci(
  layout: OciLayout,
  heap: ContentHeap,
  maxBytes: number,
  { signal, onProgress }: ImageWorkOptions = {},
): Promise<OciImport> {
  const { manifest, reference } = await chooseManifest(layout);
  const config = parseDocument(ImageConfig, "config", await layout.document(manifest.config));
  const { layers } = manifest;
  const { diff_ids: diffIds } = config.rootfs;
  if (config.os !== "linux" || config.architecture !== ARCHITECTURE) {
    throw new GloveboxError(
      "invalid_argument",
      `the OCI image is for ${config.os}/${config.architecture}, not this host`,
    );
  }
  if (diffIds.length !== layers.length) {
    throw new GloveboxError("invalid_argument", "the OCI image's config does not have its layers");
  }
  const tree = new FileTree();
  const meter = { left: maxBytes };
  for (const [index, layer] of layers.entries()) {
    onProgress?.({ stage: `layer ${index + 1} of ${layers.length}`, fraction: index / layers.length });
    const tar = layerTar(layout, layer, diffIds[index] ?? "", meter);
    await applyLayer({ tar, tree, heap, ...(signal && { signal }) });
  }
  return {
    tree,
    annotations: manifest.annotations ?? {},
    env: config.config?.Env ?? [],
    ...(reference !== undefined && { reference }),
  };
}

/** A layer's tar, held against its digests: of what is stored, and of what that unpacks to. */
async function* layerTar(
  layout: OciLayout,
  layer: Descriptor,
  diffId: string,
  meter: { left: number },
): AsyncGenerator<Uint8Array> {
  for await (const piece of verified(decompressed(layout.blob(layer), compressionOf(layer), meter.left), diffId)) {
    meter.left -= piece.length;
    yield piece;
  }
}
