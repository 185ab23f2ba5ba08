import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PassThrough, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { pack } from "tar-stream";
import type { ContentHeap } from "../content-heap.ts";
import type { FileTree } from "../file-tree.ts";
import type { Image } from "../image.ts";
import { writeTar } from "../write-tar.ts";
import { ANNOTATIONS } from "./annotations.ts";
import { ARCHITECTURE } from "./choose-manifest.ts";

const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
/** Nearly as small as the slow levels. */
const GZIP_LEVEL = 4;

export interface ExportOptions {
  readonly image: Image;
  readonly inputsHash: string | null;
  readonly tree: FileTree;
  readonly heap: ContentHeap;
  /** For the layer, until it is in the archive. */
  readonly layerFile: string;
  readonly signal?: AbortSignal;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Writes an OCI archive with one layer, which other tools can load, too. The same image gives the same bytes. */
export async function exportOci(options: ExportOptions, to: Writable): Promise<void> {
  const { image, layerFile, signal } = options;
  const { layer, diffId } = await writeLayer(options);
  const config = jsonBlob({
    architecture: ARCHITECTURE,
    os: "linux",
    created: image.createdAt,
    config: { WorkingDir: "/workspace", Cmd: ["/bin/bash"] },
    rootfs: { type: "layers", diff_ids: [diffId] },
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: [{ mediaType: LAYER_TYPE, ...layer }],
    annotations: {
      [ANNOTATIONS.name]: image.name,
      [ANNOTATIONS.description]: image.description,
      [ANNOTATIONS.created]: image.createdAt,
      ...(options.inputsHash !== null && { [ANNOTATIONS.inputsHash]: options.inputsHash }),
    },
  });
  const platform = { architecture: ARCHITECTURE, os: "linux" };
  const reference = { "org.opencontainers.image.ref.name": image.name };
  const listed = { mediaType: MANIFEST_TYPE, digest: manifest.digest, size: manifest.size, platform };
  const index = JSON.stringify({ schemaVersion: 2, manifests: [{ ...listed, annotations: reference }] });
  const archive = pack();
  const fill = async (): Promise<void> => {
    await addText(archive, "oci-layout", '{"imageLayoutVersion":"1.0.0"}');
    await addText(archive, "index.json", index);
    for (const { digest, text } of [config, manifest]) await addText(archive, blobName(digest), text);
    const header = { name: blobName(layer.digest), size: layer.size, mode: 0o644, mtime: new Date(0) };
    const entry = archive.entry(header);
    await pipeline(createReadStream(layerFile), entry as unknown as NodeJS.WritableStream, { signal });
    archive.finalize();
  };
  const filling = fill().catch((error: Error) => void archive.destroy(error));
  await pipeline(archive as unknown as NodeJS.ReadableStream, to, { signal });
  await filling;
}

async function writeLayer({ tree, heap, layerFile, signal }: ExportOptions): Promise<{ layer: Blob; diffId: string }> {
  const tar = new PassThrough();
  const plain = createHash("sha256");
  const packed = createHash("sha256");
  await Promise.all([
    writeTar(tree, heap, tar),
    pipeline(tar, hashing(plain), createGzip({ level: GZIP_LEVEL }), hashing(packed), createWriteStream(layerFile), {
      signal,
    }),
  ]);
  const { size } = await stat(layerFile);
  return {
    layer: { digest: `sha256:${packed.digest("hex")}`, size },
    diffId: `sha256:${plain.digest("hex")}`,
  };
}

function hashing(hash: ReturnType<typeof createHash>): Transform {
  return new Transform({
    transform(piece: Uint8Array, _encoding, done) {
      hash.update(piece);
      done(null, piece);
    },
  });
}

function jsonBlob(value: unknown): Blob & { readonly text: string } {
  const text = JSON.stringify(value);
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return { text, digest, size: Buffer.byteLength(text) };
}

const blobName = (digest: string): string => digest.replace("sha256:", "blobs/sha256/");

function addText(archive: ReturnType<typeof pack>, name: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry({ name, mode: 0o644, mtime: new Date(0) }, text, (error) => (error ? reject(error) : resolve()));
  });
}
