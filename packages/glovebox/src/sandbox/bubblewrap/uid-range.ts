import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { GloveboxError } from "../../core/index.ts";

const FIRST = 2_000_000;
const BLOCK = 65_536;
const BLOCKS = 1_024;

/** The uids of one server's sandboxes: each has its own while it lives, so that none can touch another's processes. */
export class UidRange {
  readonly base: number;
  #next = 0;
  readonly #used = new Set<number>();

  constructor(base: number) {
    this.base = base;
  }

  /** Servers with different run folders on one host get different blocks (as far as 1,024 blocks go). */
  static forRunDir(runDir: string): UidRange {
    const block = createHash("sha256").update(resolve(runDir)).digest().readUInt32LE() % BLOCKS;
    return new UidRange(FIRST + block * BLOCK);
  }

  /** Errors: `resource_exhausted` when 65,536 are in use. */
  take(): number {
    if (this.#used.size >= BLOCK) throw new GloveboxError("resource_exhausted", "All uids for sandboxes are in use");
    for (;;) {
      const uid = this.base + this.#next;
      this.#next = (this.#next + 1) % BLOCK;
      if (this.#used.has(uid)) continue;
      this.#used.add(uid);
      return uid;
    }
  }

  /** Marks one that a sandbox from before still has. */
  reserve(uid: number): void {
    this.#used.add(uid);
  }

  release(uid: number): void {
    this.#used.delete(uid);
  }
}
