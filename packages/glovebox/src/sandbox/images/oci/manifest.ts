import { z } from "zod";
import { GloveboxError } from "../../../core/index.ts";

/** The parts of the OCI image specification 1.1 (and Docker's schema 2, which has the same form) that an import reads. */

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "not a SHA-256 digest");

const Annotations = z.record(z.string().max(256), z.string().max(65_536)).optional();

const Platform = z.object({ architecture: z.string().max(64), os: z.string().max(64) });

export const Descriptor = z.object({
  mediaType: z.string().max(256),
  digest: Digest,
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  annotations: Annotations,
  platform: Platform.optional(),
});
export type Descriptor = z.infer<typeof Descriptor>;

export const ImageIndex = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(Descriptor).min(1).max(256),
});

/** Docker makes 127 at most. */
const MAX_LAYERS = 128;

export const ImageManifest = z.object({
  schemaVersion: z.literal(2),
  config: Descriptor,
  layers: z.array(Descriptor).min(1).max(MAX_LAYERS),
  annotations: Annotations,
});
export type ImageManifest = z.infer<typeof ImageManifest>;

export const ImageConfig = z.object({
  architecture: z.string().max(64),
  os: z.string().max(64),
  config: z.object({ Env: z.array(z.string().max(131_072)).max(1024).nullish() }).nullish(),
  rootfs: z.object({ type: z.literal("layers"), diff_ids: z.array(Digest).max(MAX_LAYERS) }),
});
export type ImageConfig = z.infer<typeof ImageConfig>;

export type Compression = "none" | "gzip" | "zstd";

const INDEX_TYPES: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const LAYER_TYPES: Readonly<Record<string, Compression>> = {
  "application/vnd.oci.image.layer.v1.tar": "none",
  "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
  "application/vnd.docker.image.rootfs.diff.tar": "none",
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
};

export const isIndex = ({ mediaType }: Descriptor): boolean => INDEX_TYPES.includes(mediaType);
export const isManifest = ({ mediaType }: Descriptor): boolean => MANIFEST_TYPES.includes(mediaType);

/** Errors: `invalid_argument` for what is no layer, or one whose content is elsewhere. */
export function compressionOf({ mediaType }: Descriptor): Compression {
  const compression = LAYER_TYPES[mediaType];
  if (compression !== undefined) return compression;
  throw new GloveboxError("invalid_argument", `the OCI image has a layer of an unknown type: ${mediaType}`);
}

/** Errors: `invalid_argument`, saying which document is wrong, and where. */
export function parseDocument<T>(schema: z.ZodType<T>, what: string, bytes: Uint8Array): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new GloveboxError("invalid_argument", `the OCI image's ${what} is not JSON`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join(".") || "it";
  throw new GloveboxError("invalid_argument", `the OCI image's ${what} is invalid: ${where}: ${issue?.message}`);
}
