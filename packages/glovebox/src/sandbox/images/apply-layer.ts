import { GloveboxError } from "../../core/index.ts";
import type { ContentHeap } from "./content-heap.ts";
import type { FileTree } from "./file-tree.ts";
import { type Header, readTar } from "./read-tar.ts";

/** OCI image specification, "Layer Filesystem Changeset": whiteouts. */
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Of aufs, its own bookkeeping. */
const AUFS = ".wh..wh.";

/** Control characters, which no honest file has in its name, and what stands for bytes that are not UTF-8. */
const UNWANTED = /[\p{Cc}\uFFFD]/u;
const MAX_PATH_CHARS = 4096;
const MAX_NAME_BYTES = 255;
/** Nobody gains privileges by a file of an image. */
const PERMISSIONS = 0o1777;
const MAX_ID = 2 ** 32 - 2;
const MAX_MTIME_S = 2 ** 32 - 1;

export interface LayerInput {
  /** An uncompressed tar. */
  readonly tar: AsyncIterable<Uint8Array>;
  readonly tree: FileTree;
  readonly heap: ContentHeap;
  readonly signal?: AbortSignal;
}

/**
 * Applies one layer to the tree. What cannot be meant well - `..`, absolute names, devices outside of `/dev`, unknown kinds - is refused.
 * Devices below `/dev` are left out: a sandbox makes its own. Errors: `invalid_argument`, `payload_too_large`, `cancelled`.
 */
export async function applyLayer({ tar, tree, heap, signal }: LayerInput): Promise<void> {
  tree.nextLayer();
  await readTar(tar, "a layer cannot be read", signal, async (header, content) => {
    const isFile = header.type === "file" || header.type === "contiguous-file";
    if (isFile) await applyFile(header, content, tree, heap);
    else applyEntry(header, tree);
  });
}

async function applyFile(header: Header, content: AsyncIterable<Uint8Array>, tree: FileTree, heap: ContentHeap) {
  const path = partsOf(header.name);
  if (applyWhiteout(path, tree)) return;
  const stored = await heap.append(content);
  tree.put(path, { kind: "file", content: stored, ...attributesOf(header) });
}

function applyEntry(header: Header, tree: FileTree): void {
  const path = partsOf(header.name);
  const attributes = attributesOf(header);
  switch (header.type) {
    case "directory":
      tree.put(path, { kind: "dir", ...attributes });
      break;
    case "symlink":
      tree.put(path, { kind: "link", target: targetOf(header), ...attributes, mode: 0o777 });
      break;
    case "link":
      tree.putHardLink(path, partsOf(header.linkname ?? ""));
      break;
    case "fifo":
      tree.put(path, { kind: "fifo", ...attributes });
      break;
    case "character-device":
    case "block-device":
      if (path[0] !== "dev") throw refused(header.name, "is a device");
      break;
    default:
      throw refused(header.name, `is of an unknown kind (${header.type})`);
  }
}

function applyWhiteout(path: readonly string[], tree: FileTree): boolean {
  const name = path.at(-1) ?? "";
  if (!name.startsWith(WHITEOUT)) return false;
  const parent = path.slice(0, -1);
  if (name === OPAQUE) tree.whiteOutBelow(parent);
  else if (!name.startsWith(AUFS)) tree.whiteOut([...parent, name.slice(WHITEOUT.length)]);
  return true;
}

/** The parts of a name in an archive. Errors: `invalid_argument`. */
export function partsOf(name: string): string[] {
  if (name.length > MAX_PATH_CHARS) throw refused(`${name.slice(0, 80)}…`, "is too long");
  if (name.startsWith("/")) throw refused(name, "is absolute");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  for (const part of parts) {
    if (part === "..") throw refused(name, "leads out of the image");
    if (UNWANTED.test(part) || Buffer.byteLength(part) > MAX_NAME_BYTES) throw refused(name, "is no name we take");
  }
  return parts;
}

function targetOf(header: Header): string {
  const target = header.linkname ?? "";
  if (target === "" || target.length >= MAX_PATH_CHARS || UNWANTED.test(target)) {
    throw refused(header.name, "is a link to nothing");
  }
  return target;
}

function attributesOf({ mode, uid, gid, mtime }: Header) {
  const seconds = Math.floor((mtime?.getTime() ?? 0) / 1000);
  return {
    mode: (mode ?? 0o644) & PERMISSIONS,
    uid: within(uid ?? 0, MAX_ID),
    gid: within(gid ?? 0, MAX_ID),
    mtime: within(seconds, MAX_MTIME_S),
  };
}

function within(value: number, max: number): number {
  return Number.isSafeInteger(value) ? Math.min(Math.max(value, 0), max) : 0;
}

function refused(name: string, why: string): GloveboxError {
  const shown = name.slice(0, 200).replaceAll(/\p{Cc}/gu, "?");
  return new GloveboxError("invalid_argument", `the layer's '${shown}' ${why}`);
}
