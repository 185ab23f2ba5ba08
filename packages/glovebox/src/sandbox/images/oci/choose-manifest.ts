import { GloveboxError } from "../../../core/index.ts";
import type { OciLayout } from "./layout.ts";
import { type Descriptor, ImageIndex, ImageManifest, isIndex, isManifest, parseDocument } from "./manifest.ts";

/** Indexes in indexes. */
const MAX_DEPTH = 4;

/** Go's names, which OCI uses. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** This host's, as OCI calls it. */
export const ARCHITECTURE = ARCHITECTURES[process.arch] ?? process.arch;

export interface ChosenManifest {
  readonly manifest: ImageManifest;
  /** The reference under which it is listed (`latest`), if it has one. */
  readonly reference?: string;
}

/** The manifest for this host's processor. Errors: `invalid_argument` when there is none, or several of them. */
export async function chooseManifest(layout: OciLayout): Promise<ChosenManifest> {
  let index = parseDocument(ImageIndex, "index.json", await layout.index());
  let reference: string | undefined;
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const chosen = chooseOne(index.manifests);
    reference = chosen.annotations?.["org.opencontainers.image.ref.name"] ?? reference;
    const bytes = await layout.document(chosen);
    if (isManifest(chosen)) {
      const manifest = parseDocument(ImageManifest, "manifest", bytes);
      return { manifest, ...(reference !== undefined && { reference }) };
    }
    index = parseDocument(ImageIndex, "index", bytes);
  }
  throw new GloveboxError("invalid_argument", "the OCI image's indexes lead to no manifest");
}

function chooseOne(descriptors: readonly Descriptor[]): Descriptor {
  const known = descriptors.filter((one) => isIndex(one) || isManifest(one));
  const fitting = known.filter(({ platform }) =>
    platform === undefined ? true : platform.os === "linux" && platform.architecture === ARCHITECTURE,
  );
  const [first, ...more] = fitting;
  if (first === undefined) {
    throw new GloveboxError("invalid_argument", `the OCI image has nothing for linux/${ARCHITECTURE}`);
  }
  if (more.some(({ digest }) => digest !== first.digest)) {
    throw new GloveboxError(
      "invalid_argument",
      "there are several images in the OCI layout; give one with a single image",
    );
  }
  return first;
}
