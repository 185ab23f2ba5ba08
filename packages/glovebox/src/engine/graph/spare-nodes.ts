import { isOpen, type TreeNode } from "./tree-node.ts";

/** Taken ones are cut off the front in one go. */
const MIN_CUT = 1024;

/** Nodes that may be left out, oldest first. Each is in it at most once; what is on again by its turn is skipped, and comes back when it has ended. */
export class SpareNodes {
  #queue: TreeNode[] = [];
  #head = 0;
  readonly #queued = new Set<TreeNode>();

  add(node: TreeNode): void {
    if (this.#queued.has(node)) return;
    this.#queued.add(node);
    this.#queue.push(node);
  }

  /** The next that is neither on, nor has anything in it, nor is `kept`. */
  take(kept: TreeNode | undefined): TreeNode | undefined {
    while (this.#head < this.#queue.length) {
      const node = this.#queue[this.#head];
      this.#head += 1;
      if (node === undefined) continue;
      this.#queued.delete(node);
      if (this.#head >= MIN_CUT && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      if (node !== kept && node.isEmpty && !isOpen(node.status)) return node;
    }
    return undefined;
  }
}
