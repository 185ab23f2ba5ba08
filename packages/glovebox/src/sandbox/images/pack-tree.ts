import type { ContentHeap } from "./content-heap.ts";
import type { FileTree } from "./file-tree.ts";
import { runTool } from "./run-tool.ts";
import { writeTar } from "./write-tar.ts";

const TIMEOUT_MS = 30 * 60_000;

/** Fast to unpack, which is what a starting sandbox waits for; its slower form is a sixth smaller and takes 20 times as long to make. */
const FORM = ["-tar", "-comp", "lz4", "-b", "131072", "-no-xattrs", "-reproducible", "-root-mode", "0755"];
const MANNER = ["-noappend", "-no-progress", "-quiet"];

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
    argv: ["mksquashfs", "-", target, ...FORM, ...MANNER],
    // Of the file system and its root, which mksquashfs otherwise gives the time of its making: the same tree gives the same bytes.
    env: { SOURCE_DATE_EPOCH: String(tree.newestS) },
    feed: (stdin) => writeTar(tree, heap, stdin, onShare),
    timeoutMs: TIMEOUT_MS,
    ...(signal && { signal }),
  });
}
