const TAIL_SHARE = 0.25;

/** Keeps the beginning and the end of a text that may be endless: what a program says last is often why it failed. */
export class BoundedText {
  readonly #headMax: number;
  readonly #tailMax: number;
  #head = "";
  #tail = "";
  #length = 0;

  /** `max`: characters (UTF-16 units) that are kept. */
  constructor(max: number) {
    this.#tailMax = Math.floor(max * TAIL_SHARE);
    this.#headMax = Math.floor(max) - this.#tailMax;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Whether something was left out. */
  get isCut(): boolean {
    return this.#length > this.#head.length + this.#tail.length;
  }

  take(text: string): void {
    this.#length += text.length;
    const room = this.#headMax - this.#head.length;
    // Once something went to the tail, the head is complete.
    const toHead = this.#tail === "" ? text.slice(0, room) : "";
    this.#head += toHead;
    const rest = text.slice(toHead.length);
    if (rest !== "") this.#tail = (this.#tail + rest).slice(-this.#tailMax);
  }

  toString(): string {
    if (!this.isCut) return (this.#head + this.#tail).toWellFormed();
    const missing = this.#length - this.#head.length - this.#tail.length;
    return `${this.#head}\n[${missing} characters left out]\n${this.#tail}`.toWellFormed();
  }
}
