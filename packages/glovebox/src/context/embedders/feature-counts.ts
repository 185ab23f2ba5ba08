const FIRST_CAPACITY = 1_024;

/** Counts by 32-bit numbers, in the order in which they first came: a hash table in typed arrays, which makes no garbage. */
export class FeatureCounts {
  /** By a number's place in the table, and after it where that is taken: where it is in the lists, plus 1; 0 where there is none. */
  #table = new Uint32Array(FIRST_CAPACITY * 2);
  #keys = new Uint32Array(FIRST_CAPACITY);
  #counts = new Float64Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  keyAt(index: number): number {
    return this.#keys[index] as number;
  }

  countAt(index: number): number {
    return this.#counts[index] as number;
  }

  clear(): void {
    this.#table.fill(0);
    this.#size = 0;
  }

  add(key: number, weight: number): void {
    const place = this.#placeOf(key);
    const index = this.#table[place] as number;
    if (index > 0) {
      this.#counts[index - 1] = (this.#counts[index - 1] as number) + weight;
      return;
    }
    this.#keys[this.#size] = key;
    this.#counts[this.#size] = weight;
    this.#size += 1;
    this.#table[place] = this.#size;
    if (this.#size === this.#keys.length) this.#grow();
  }

  /** Where it is in the table, or belongs. */
  #placeOf(key: number): number {
    const mask = this.#table.length - 1;
    let place = key & mask;
    for (let index = this.#table[place] as number; index > 0; index = this.#table[place] as number) {
      if (this.#keys[index - 1] === key) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  #grow(): void {
    const [keys, counts] = [this.#keys, this.#counts];
    this.#keys = new Uint32Array(keys.length * 2);
    this.#counts = new Float64Array(keys.length * 2);
    this.#table = new Uint32Array(keys.length * 4);
    this.#keys.set(keys);
    this.#counts.set(counts);
    for (let at = 0; at < this.#size; at += 1) this.#table[this.#placeOf(keys[at] as number)] = at + 1;
  }
}
