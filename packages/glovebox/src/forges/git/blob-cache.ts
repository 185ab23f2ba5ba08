/** Of one file, bytes: workflow and action files are smaller. */
const MAX_BLOB = 65_536;
/** Of all, bytes. */
const MAX_TOTAL = 16 << 20;

/**
 * Small files of repositories, by repository and id: the workflow files of a push are mostly those of the push before, and what has an id never changes. Ids are told apart by
 * repository, since whoever finds two contents for one id must not choose what others read.
 */
export class BlobCache {
  readonly #contents = new Map<string, Buffer>();
  #bytes = 0;

  /** `undefined` for what is not here. */
  get(folder: string, id: string): Buffer | undefined {
    const key = `${folder}\n${id}`;
    const found = this.#contents.get(key);
    if (found === undefined) return undefined;
    // Last in the map is what was asked for last.
    this.#contents.delete(key);
    this.#contents.set(key, found);
    return found;
  }

  put(folder: string, id: string, content: Buffer): void {
    const key = `${folder}\n${id}`;
    if (content.length > MAX_BLOB || this.#contents.has(key)) return;
    this.#contents.set(key, content);
    this.#bytes += content.length;
    for (const [oldest, { length }] of this.#contents) {
      if (this.#bytes <= MAX_TOTAL) return;
      this.#contents.delete(oldest);
      this.#bytes -= length;
    }
  }
}
