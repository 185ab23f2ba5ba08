import { type Logger, toGloveboxError } from "../../core/index.ts";
import type { SpaceName } from "../database/messages.ts";
import type { ContextThread } from "../worker/context-thread.ts";
import type { WriterMethods } from "../worker/messages.ts";
import type { ReaderPool } from "../worker/reader-pool.ts";
import { type Embedder, toUnit } from "./embedder.ts";

/** Texts asked about at once. */
const BATCH = 64;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

/**
 * Gives chunks their vectors in the background, where the embedder is asked over the network. A text that has a vector in this space already is not asked about again. Until every chunk of the
 * store has had its vector once, the space is not searched: half of an answer would look like a whole one.
 */
export class EmbeddingQueue implements AsyncDisposable {
  readonly #embedder: Embedder;
  readonly #writer: ContextThread<WriterMethods>;
  readonly #readers: ReaderPool;
  readonly #logger: Logger;
  readonly #end = new AbortController();
  #left: number | undefined;
  #isComplete = false;
  #wake = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  constructor(parts: {
    readonly embedder: Embedder;
    readonly writer: ContextThread<WriterMethods>;
    readonly readers: ReaderPool;
    readonly logger: Logger;
  }) {
    this.#embedder = parts.embedder;
    this.#writer = parts.writer;
    this.#readers = parts.readers;
    this.#logger = parts.logger;
    this.#running = this.#run();
  }

  /** Whether the space can be searched. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Chunks that wait for their vector, as far as is known. */
  get left(): number | undefined {
    return this.#left;
  }

  /** There may be more to do. */
  wake(): void {
    this.#wake.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#wake.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    let delayMs = FIRST_DELAY_MS;
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers();
      try {
        if (await this.#fill(signal)) continue;
        this.#isComplete = true;
        delayMs = FIRST_DELAY_MS;
        await this.#wake.promise;
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.warn(
          { error: toGloveboxError(error).toBody(), delayMs },
          "the embedder gave no vectors; it is asked again",
        );
        await sleep(delayMs, signal);
        delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
      }
    }
  }

  /** One batch. False when there was nothing to do. */
  async #fill(signal: AbortSignal): Promise<boolean> {
    const space = spaceOf(this.#embedder);
    const { chunks, left } = await this.#readers.call({}, "withoutVector", space, BATCH);
    this.#left = left;
    if (chunks.length === 0) return false;
    const unknown = [
      ...new Map(chunks.filter(({ known }) => known === undefined).map(({ textHash, text }) => [textHash, text])),
    ];
    const asked =
      unknown.length === 0
        ? []
        : await this.#embedder.embed(
            unknown.map(([, text]) => text),
            signal,
          );
    const byHash = new Map(unknown.map(([hash], at) => [hash, toUnit(Float32Array.from(asked[at] ?? []))]));
    const entries = chunks.map(({ textHash, known }) =>
      known === undefined ? (byHash.get(textHash) as Float32Array) : new Float32Array(known.slice().buffer),
    );
    const vectors = await this.#readers.call({}, "prepareVectors", entries);
    await this.#writer.call(
      "addVectors",
      space,
      chunks.flatMap(({ chunk, textHash }, at) => {
        const vector = vectors[at];
        return vector === undefined ? [] : [{ chunk, textHash, vector }];
      }),
    );
    return true;
  }
}

export function spaceOf({ name, model, dimensions }: Embedder): SpaceName {
  return { embedder: name, model, dimensions };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
