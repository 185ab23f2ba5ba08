import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { ContentHeap } from "./content-heap.ts";
import type { FileTree, TreeNode } from "./file-tree.ts";
import { runTool } from "./run-tool.ts";

const TIMEOUT_MS = 30 * 60_000;

/** Fast to unpack, which is what a starting sandbox waits for; its slower form is a sixth smaller and takes 20 times as long to make. */
const FORM = ["-tar", "-comp", "lz4", "-b", "131072", "-no-xattrs", "-noappend", "-no-progress", "-quiet"];
/** The same tree gives the same bytes. */
const FIXED = ["-reproducible", "-mkfs-time", "0", "-root-time", "0", "-root-mode", "0755"];
const ROOT_OWNER = ["-root-uid", "0", "-root-gid", "0"];

export interface PackOptions {
  readonly signal?: AbortSignal;
  /** Called now and then with the share of the files that are written, 0 to 1. */
  readonly onShare?: (share: number) => void;
}

/** Writes the tree as a squashfs (lz4) to `target`. Errors: those of `runTool`. */
export async function packTree(
  tree: FileTree,
  heap: ContentHeap,
  target: string,
  { signal, onShare }: PackOptions = {},
): Promise<void> {
  await runTool({
    argv: ["mksquashfs", "-", target, ...FORM, ...FIXED, ...ROOT_OWNER],
    feed: (stdin) => writeTar(tree, heap, stdin, onShare),
    timeoutMs: TIMEOUT_MS,
    ...(signal && { signal }),
  });
}

async function writeTar(tree: FileTree, heap: ContentHeap, to: Writable, onShare?: (share: number) => void) {
  const tar = pack();
  const total = tree.size;
  const fill = async (): Promise<void> => {
    const named = new Map<TreeNode, string>();
    let done = 0;
    for (const [path, node] of tree.walk()) {
      const other = node.kind === "file" ? named.get(node) : undefined;
      if (node.kind === "file") named.set(node, other ?? path);
      await writeEntry(tar, heap, path, node, other);
      done += 1;
      if (done % 256 === 0) onShare?.(done / total);
    }
    tar.finalize();
  };
  const filling = fill().catch((error: Error) => void tar.destroy(error));
  await pipeline(Readable.from(tar as unknown as AsyncIterable<Uint8Array>), to);
  await filling;
}

/** Resolves when the entry is taken: the archive is never held in memory. */
function writeEntry(
  tar: ReturnType<typeof pack>,
  heap: ContentHeap,
  name: string,
  node: TreeNode,
  other: string | undefined,
): Promise<void> {
  const { mode, uid, gid } = node;
  const shared = { name, mode, uid, gid, mtime: new Date(node.mtime * 1000) };
  return new Promise((resolve, reject) => {
    const taken = (error?: Error | null) => (error ? reject(error) : resolve());
    if (other !== undefined) {
      tar.entry({ ...shared, type: "link", linkname: other }, taken);
    } else if (node.kind === "link") {
      tar.entry({ ...shared, type: "symlink", linkname: node.target }, taken);
    } else if (node.kind !== "file") {
      tar.entry({ ...shared, type: node.kind === "dir" ? "directory" : "fifo" }, taken);
    } else if (node.content.size === 0) {
      tar.entry({ ...shared, type: "file" }, "", taken);
    } else {
      const entry = tar.entry({ ...shared, type: "file", size: node.content.size }, taken);
      pipeline(Readable.from(heap.read(node.content)), entry as unknown as NodeJS.WritableStream).catch(reject);
    }
  });
}
