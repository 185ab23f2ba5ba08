import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { repositoryRoot } from "../native/index.ts";
import { defaultImagesDir, type Images, openImages } from "./index.ts";
import type { Compression } from "./oci/manifest.ts";

/** Shared by all tests of this checkout, whichever asks first: one build of `base` in a whole run. */
export function testImages(): Images {
  return openImages({ dir: defaultImagesDir(), definitionsDir: join(repositoryRoot(), "images") });
}

/** What a test may take that has to build an image itself, on a machine that does many things. Milliseconds. */
export const BUILD_TEST_MS = 600_000;

/** The note with which a test skips where images cannot be built; `undefined` where they can. */
export function missingTools(): string | undefined {
  const missing = ["mmdebstrap", "mksquashfs", "unsquashfs"].filter((tool) => !isInstalled(tool));
  return missing.length === 0 ? undefined : `isolation microvm: not installed: ${missing.join(", ")}`;
}

function isInstalled(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export interface LayoutOptions {
  readonly layers: readonly Uint8Array[];
  readonly compression?: Compression;
  readonly env?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly reference?: string;
  /** Last changes to the documents before they are written. */
  readonly edit?: (documents: OciDocuments) => void;
}

interface LayoutDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string };
}

export interface OciDocuments {
  config: { architecture: string; os: string; config?: unknown; rootfs: { type: string; diff_ids: string[] } };
  manifest: { schemaVersion: number; config: LayoutDescriptor; layers: LayoutDescriptor[]; annotations?: unknown };
  index: { schemaVersion: number; manifests: LayoutDescriptor[] };
}

const SUFFIX: Readonly<Record<Compression, string>> = { none: "", gzip: "+gzip", zstd: "+zstd" };
export const HOST_ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

/** Writes an OCI layout with these layers (uncompressed tars) to a folder. */
export function writeLayout(folder: string, options: LayoutOptions): void {
  const compression = options.compression ?? "gzip";
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const blobs = options.layers.map((layer) => writeBlob(folder, compressedBy(layer, compression)));
  const documents: OciDocuments = {
    config: {
      architecture: HOST_ARCHITECTURE,
      os: "linux",
      config: { Env: options.env ?? [] },
      rootfs: { type: "layers", diff_ids: options.layers.map(digestOf) },
    },
    manifest: {
      schemaVersion: 2,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: "", size: 0 },
      layers: blobs.map((blob) => ({
        mediaType: `application/vnd.oci.image.layer.v1.tar${SUFFIX[compression]}`,
        ...blob,
      })),
      ...(options.annotations && { annotations: options.annotations }),
    },
    index: {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: "",
          size: 0,
          ...(options.reference && { annotations: { "org.opencontainers.image.ref.name": options.reference } }),
        },
      ],
    },
  };
  options.edit?.(documents);
  Object.assign(documents.manifest.config, writeBlob(folder, jsonOf(documents.config)));
  const [first] = documents.index.manifests;
  if (first?.digest === "") Object.assign(first, writeBlob(folder, jsonOf(documents.manifest)));
  writeFileSync(join(folder, "index.json"), jsonOf(documents.index));
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

export function writeBlob(folder: string, bytes: Uint8Array): { digest: string; size: number } {
  const digest = digestOf(bytes);
  writeFileSync(join(folder, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
  return { digest, size: bytes.length };
}

const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

function compressedBy(bytes: Uint8Array, compression: Compression): Uint8Array {
  if (compression === "none") return bytes;
  return compression === "gzip" ? gzipSync(bytes) : zstdCompressSync(bytes);
}
