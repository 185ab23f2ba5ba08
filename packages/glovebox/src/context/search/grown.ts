type Numbers = Uint32Array | Float64Array;

/** A typed array that grows as it is written to. Where nothing was written there is 0. */
export class Grown {
  readonly #type: new (
    length: number,
  ) => Numbers;
  #values: Numbers;

  constructor(type: new (length: number) => Numbers) {
    this.#type = type;
    this.#values = new type(1_024);
  }

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const values = new this.#type(Math.max(at + 1, this.#values.length * 2));
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[at] = value;
  }
}
