import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";
import type { ContentHeap } from "./content-heap.ts";
import type { FileTree, TreeNode } from "./file-tree.ts";

const WHOLE_BYTES = 1_048_576;

/** Writes the tree as a tar, in order, and ends it. Resolves when all of it is taken. */
export async function writeTar(tree: FileTree, heap: ContentHeap, to: Writable, onShare?: (share: number) => void) {
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
    } else if (node.content.size <= WHOLE_BYTES) {
      // A stream for each of ten thousand small files would cost seconds.
      heap.readWhole(node.content).then((bytes) => void tar.entry({ ...shared, type: "file" }, bytes, taken), reject);
    } else {
      const entry = tar.entry({ ...shared, type: "file", size: node.content.size }, taken);
      pipeline(Readable.from(heap.read(node.content)), entry as unknown as NodeJS.WritableStream).catch(reject);
    }
  });
}
