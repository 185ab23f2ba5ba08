import type { TreeNode } from "./tree-node.ts";

/** More names of signals than any engine lets pile up. */
const MAX_NAMES = 10_000;

/** Signals that nobody took yet and those who wait for one, by name: what a journal does not say, because who takes a signal follows from the order. */
export class Letters {
  readonly #unread = new Map<string, number[]>();
  readonly #waits = new Map<string, Set<TreeNode>>();

  /** A signal came: gives who takes it. */
  receive(name: string, seq: number): TreeNode | undefined {
    const waits = this.#waits.get(name);
    for (const node of waits ?? []) {
      this.forget(name, node);
      return node;
    }
    this.#put(name, seq);
    return undefined;
  }

  /** Somebody waits: gives the signal that was there before, else remembers who. */
  wait(name: string, node: TreeNode): number | undefined {
    const unread = this.#unread.get(name);
    const seq = unread?.shift();
    if (unread?.length === 0) this.#unread.delete(name);
    if (seq === undefined) this.#waits.set(name, (this.#waits.get(name) ?? new Set()).add(node));
    return seq;
  }

  forget(name: string, node: TreeNode): void {
    const waits = this.#waits.get(name);
    if (waits?.delete(node) === true && waits.size === 0) this.#waits.delete(name);
  }

  /** What came from that record on never came. */
  void(fromSeq: number): void {
    for (const [name, unread] of this.#unread) {
      const kept = unread.filter((seq) => seq < fromSeq);
      if (kept.length === 0) this.#unread.delete(name);
      else this.#unread.set(name, kept);
    }
  }

  /** Who took it did not. */
  giveBack(name: string, seq: number): void {
    this.#put(name, seq);
    this.#unread.get(name)?.sort((a, b) => a - b);
  }

  #put(name: string, seq: number): void {
    const unread = this.#unread.get(name);
    if (unread !== undefined) unread.push(seq);
    else if (this.#unread.size < MAX_NAMES) this.#unread.set(name, [seq]);
  }
}
