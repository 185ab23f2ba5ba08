import type { OutputReader } from "../../sessions/index.ts";

type Stream = "stdout" | "stderr";

/** Keeps the last characters of what a program prints. */
export class TextCollector implements OutputReader {
  readonly #max: number;
  readonly #texts: Record<Stream, string> = { stdout: "", stderr: "" };
  isCut = false;

  /** `max`: characters of each stream. */
  constructor(max: number) {
    this.#max = max;
  }

  open(stream: Stream): ReturnType<OutputReader["open"]> {
    return {
      push: (piece) => {
        this.#take(stream, piece);
        return piece;
      },
      flush: () => "",
      heldBytes: 0,
    };
  }

  text(stream: Stream): string {
    return this.#texts[stream].slice(-this.#max);
  }

  #take(stream: Stream, piece: string): void {
    const text = this.#texts[stream] + piece;
    if (text.length > this.#max) this.isCut = true;
    // Cut now and then, not with each piece.
    this.#texts[stream] = text.length > 2 * this.#max ? text.slice(-this.#max) : text;
  }
}
