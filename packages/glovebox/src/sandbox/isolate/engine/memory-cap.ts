import { PAGE_BYTES } from "../shared-words.ts";

/** Pages that the engine starts with: 16 MiB, as its build demands. */
export const INITIAL_PAGES = 256;
/** 2 GiB, the most that the engine's build addresses. */
export const MAX_PAGES = 32_768;

/** The engine asks three times, for less each time, before it gives up. */
const REFUSALS_BEFORE_THE_END = 3;

/**
 * The engine's whole memory. The guest's allocator can only grow it through `grow`, which is ours: outside of the
 * engine, and exact where the engine's own limit trips late or throws an error that the guest can catch.
 */
export class MemoryCap {
  readonly memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES });
  #refusals = 0;
  #maxPages = MAX_PAGES;
  /** Pages of all kernels of the session, this one included. */
  #sessionPages: Int32Array<SharedArrayBuffer> | undefined;
  readonly #onGrown: (pages: number) => void;
  readonly #onExceeded: () => void;

  constructor(onGrown: (pages: number) => void, onExceeded: () => void) {
    this.#onGrown = onGrown;
    this.#onExceeded = onExceeded;
    const grow = this.memory.grow.bind(this.memory);
    this.memory.grow = (delta) => {
      if (!this.#reserve(delta)) this.#refuse();
      this.#refusals = 0;
      const before = grow(delta);
      onGrown(before + delta);
      return before;
    };
  }

  /** Counts this memory in `sessionPages` from now on and holds the sum to `maxPages`. */
  join(sessionPages: Int32Array<SharedArrayBuffer>, maxPages: number): void {
    this.#sessionPages = sessionPages;
    this.#maxPages = maxPages;
    const pages = this.memory.buffer.byteLength / PAGE_BYTES;
    this.#onGrown(pages);
    if (Atomics.add(sessionPages, 0, pages) + pages > maxPages) this.#onExceeded();
  }

  #reserve(delta: number): boolean {
    const counted = this.#sessionPages;
    if (!counted) return true;
    if (Atomics.add(counted, 0, delta) + delta <= this.#maxPages) return true;
    Atomics.sub(counted, 0, delta);
    return false;
  }

  #refuse(): never {
    this.#refusals += 1;
    if (this.#refusals >= REFUSALS_BEFORE_THE_END) this.#onExceeded();
    throw new RangeError("the memory limit is reached");
  }
}
