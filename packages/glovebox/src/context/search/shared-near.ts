import type { Scored } from "./fuse.ts";

/** What is near, found in one state of the store. */
export interface Near {
  readonly revision: number;
  readonly scored: readonly Scored[];
}

const [STATE, COUNT, HEAD_BYTES] = [0, 1, 16];
const [WAITED_FOR, FOUND, GIVEN_UP] = [0, 1, 2];

/** What is near, on its way from the thread that looks for it to the one that looks for words at the same time: in memory that both see, since a message would come by way of a third thread. */
export class SharedNear {
  readonly buffer: SharedArrayBuffer;
  readonly #states: Int32Array<SharedArrayBuffer>;
  readonly #revision: Float64Array;
  readonly #scores: Float64Array;
  readonly #chunks: Uint32Array;

  /** For at most so many, or of another thread's. */
  constructor(of: number | SharedArrayBuffer) {
    this.buffer = typeof of === "number" ? new SharedArrayBuffer(HEAD_BYTES + of * 12) : of;
    const most = (this.buffer.byteLength - HEAD_BYTES) / 12;
    this.#states = new Int32Array(this.buffer, 0, 2);
    this.#revision = new Float64Array(this.buffer, 8, 1);
    this.#scores = new Float64Array(this.buffer, HEAD_BYTES, most);
    this.#chunks = new Uint32Array(this.buffer, HEAD_BYTES + most * 8, most);
  }

  /** Once; `undefined`: that nothing will come. */
  put(near: Near | undefined): void {
    if (near !== undefined) {
      this.#revision[0] = near.revision;
      for (const [at, { chunk, score }] of near.scored.entries()) {
        this.#chunks[at] = chunk;
        this.#scores[at] = score;
      }
      Atomics.store(this.#states, COUNT, near.scored.length);
    }
    Atomics.store(this.#states, STATE, near === undefined ? GIVEN_UP : FOUND);
    Atomics.notify(this.#states, STATE);
  }

  /** Stops the thread until it is there, so many milliseconds at most. */
  take(limitMs: number): Near | undefined {
    Atomics.wait(this.#states, STATE, WAITED_FOR, limitMs);
    if (Atomics.load(this.#states, STATE) !== FOUND) return undefined;
    const scored = Array.from({ length: Atomics.load(this.#states, COUNT) }, (_, at) => {
      return { chunk: this.#chunks[at] as number, score: this.#scores[at] as number };
    });
    return { revision: this.#revision[0] as number, scored };
  }
}
