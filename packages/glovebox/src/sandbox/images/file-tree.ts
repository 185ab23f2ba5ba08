import { GloveboxError } from "../../core/index.ts";
import type { Content } from "./content-heap.ts";

interface Attributes {
  /** Permission bits, without set-uid and set-gid. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  mtime: number;
}

export type FileNode = Attributes & { readonly kind: "file"; readonly content: Content };
export type LinkNode = Attributes & { readonly kind: "link"; readonly target: string };
export type FifoNode = Attributes & { readonly kind: "fifo" };
export type DirNode = Attributes & { readonly kind: "dir" };
export type TreeNode = FileNode | LinkNode | FifoNode | DirNode;

/** A name in a directory: a node (two names of one node are hard links), and the layer that put it there. */
interface Place {
  node: TreeNode;
  layer: number;
  readonly children: Map<string, Place> | undefined;
}

export interface TreeBounds {
  readonly maxEntries: number;
  readonly maxDepth: number;
}

const DEFAULT_BOUNDS: TreeBounds = { maxEntries: 1_000_000, maxDepth: 256 };
const MAX_LINKS_FOLLOWED = 40;

/** As directories are made that no archive describes. */
const plainDir = (): DirNode => ({ kind: "dir", mode: 0o755, uid: 0, gid: 0, mtime: 0 });

/**
 * The files of an image, in memory, put together from layers. Links on the way to a path lead where they would for a process whose root
 * the image is: never out of it.
 */
export class FileTree {
  readonly #root: Place = { node: plainDir(), layer: 0, children: new Map() };
  readonly #bounds: TreeBounds;
  #entries = 0;
  #layer = 0;

  constructor(bounds: Partial<TreeBounds> = {}) {
    this.#bounds = { ...DEFAULT_BOUNDS, ...bounds };
  }

  /** Of files and directories, the root left out. */
  get size(): number {
    return this.#entries;
  }

  /** What is put from now on is of the next layer: whiteouts take away only what is of earlier ones. */
  nextLayer(): void {
    this.#layer += 1;
  }

  /** Puts a node at a path (its parts), instead of what is there; a directory keeps its children. Missing directories are made. */
  put(path: readonly string[], node: TreeNode): void {
    const name = path.at(-1);
    if (name === undefined) {
      if (node.kind === "dir") this.#root.node = node;
      return;
    }
    const parent = this.#directory(path.slice(0, -1));
    const before = parent.get(name);
    if (before?.children && node.kind === "dir") {
      before.node = node;
      before.layer = this.#layer;
      return;
    }
    if (before) this.#forget(before);
    this.#count();
    parent.set(name, { node, layer: this.#layer, children: node.kind === "dir" ? new Map() : undefined });
  }

  /** A second name for the file at `target`. Errors: `invalid_argument` when there is none. */
  putHardLink(path: readonly string[], target: readonly string[]): void {
    const node = this.#place(target, false)?.node;
    if (node === undefined || node.kind === "dir") {
      throw new GloveboxError("invalid_argument", `'${path.join("/")}' is a hard link to no file`);
    }
    this.put(path, node);
  }

  /** Takes away a path with all below it; nothing happens when it is not there. */
  remove(path: readonly string[]): void {
    const { parent, name } = this.#parentOf(path);
    const place = name === undefined ? undefined : parent?.get(name);
    if (!place || name === undefined) return;
    this.#forget(place);
    parent?.delete(name);
  }

  /** Takes away what earlier layers put at a path and below it. */
  whiteOut(path: readonly string[]): void {
    const { parent, name } = this.#parentOf(path);
    const place = name === undefined ? undefined : parent?.get(name);
    if (!place || name === undefined || !parent) return;
    if (this.#strip(place)) {
      parent.delete(name);
      this.#entries -= 1;
    }
  }

  /** Takes away what earlier layers put below a directory. */
  whiteOutBelow(path: readonly string[]): void {
    const place = this.#place(path, true);
    for (const [name, child] of place?.children ?? []) {
      if (!this.#strip(child)) continue;
      place?.children?.delete(name);
      this.#entries -= 1;
    }
  }

  /** The node at a path, with links followed, the last one too. */
  find(path: readonly string[]): TreeNode | undefined {
    return this.#place(path, true)?.node;
  }

  /** Every path with its node, parents first, names in order of their bytes; the root itself left out. */
  *walk(): Generator<readonly [path: string, node: TreeNode]> {
    yield* walkBelow(this.#root, "");
  }

  /** The time of what changed last. Seconds since 1970. */
  get newestS(): number {
    return this.#newestBefore(Number.POSITIVE_INFINITY);
  }

  /** Gives what is not older than `fromS` (seconds since 1970) the time of the newest that is. */
  settleTimes(fromS: number): void {
    const newest = this.#newestBefore(fromS);
    for (const [, node] of this.walk()) if (node.mtime >= fromS) node.mtime = newest;
  }

  #newestBefore(beforeS: number): number {
    let newest = 0;
    for (const [, { mtime }] of this.walk()) if (mtime < beforeS && mtime > newest) newest = mtime;
    return newest;
  }

  /** Removes all of a place that is older than this layer; true when nothing is left of it. */
  #strip(place: Place): boolean {
    for (const [name, child] of place.children ?? []) {
      if (!this.#strip(child)) continue;
      place.children?.delete(name);
      this.#entries -= 1;
    }
    return place.layer < this.#layer && !place.children?.size;
  }

  #forget(place: Place): void {
    this.#entries -= 1;
    for (const child of place.children?.values() ?? []) this.#forget(child);
  }

  #count(): void {
    this.#entries += 1;
    if (this.#entries > this.#bounds.maxEntries) {
      throw new GloveboxError("payload_too_large", `an image may have ${this.#bounds.maxEntries} files`);
    }
  }

  #parentOf(path: readonly string[]): { parent: Map<string, Place> | undefined; name: string | undefined } {
    return { parent: this.#place(path.slice(0, -1), true)?.children, name: path.at(-1) };
  }

  #place(path: readonly string[], followLast: boolean): Place | undefined {
    return this.#resolve(path, { followLast, make: false });
  }

  #directory(path: readonly string[]): Map<string, Place> {
    const place = this.#resolve(path, { followLast: true, make: true });
    if (!place?.children) throw new GloveboxError("invalid_argument", `'${path.join("/")}' is not a directory`);
    return place.children;
  }

  /** Walks as a kernel does in a root that is the image. With `make`, what is no directory on the way is replaced by one. */
  #resolve(path: readonly string[], how: { followLast: boolean; make: boolean }): Place | undefined {
    const todo = [...path].reverse();
    const way: Place[] = [this.#root];
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop() ?? "";
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (way.length > 1) way.pop();
        continue;
      }
      if (way.length > this.#bounds.maxDepth) {
        throw new GloveboxError("invalid_argument", `an image's paths may have ${this.#bounds.maxDepth} parts`);
      }
      const children = way.at(-1)?.children;
      if (!children) return undefined;
      let next = children.get(name);
      if (next?.node.kind === "link" && (todo.length > 0 || how.followLast)) {
        links += 1;
        if (links > MAX_LINKS_FOLLOWED) throw new GloveboxError("invalid_argument", "too many links on a path");
        const { target } = next.node;
        if (target.startsWith("/")) way.length = 1;
        todo.push(...target.split("/").reverse());
        continue;
      }
      if (how.make && !next?.children) {
        if (next) this.#forget(next);
        this.#count();
        next = { node: plainDir(), layer: this.#layer, children: new Map() };
        children.set(name, next);
      }
      if (!next) return undefined;
      way.push(next);
    }
    return way.at(-1);
  }
}

function* walkBelow(place: Place, prefix: string): Generator<readonly [string, TreeNode]> {
  const names = [...(place.children?.keys() ?? [])].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const child = place.children?.get(name);
    if (!child) continue;
    const path = prefix === "" ? name : `${prefix}/${name}`;
    yield [path, child.node];
    yield* walkBelow(child, path);
  }
}
