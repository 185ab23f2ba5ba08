import { type Logger, toGloveboxError } from "../../core/index.ts";
import { type Embedder, toUnit } from "../../models/embedder.ts";
import type { SpaceName } from "../database/messages.ts";
import type { ChunkWithoutVector } from "../database/reader.ts";
import type { ContextThread } from "../worker/context-thread.ts";
import type { WriterMethods } from "../worker/messages.ts";
import type { ReaderPool } from "../worker/reader-pool.ts";

/** Chunks looked at at once. */
const BATCH = 256;
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
        await this.#fillAll(signal);
        this.#isComplete = true;
        delayMs = FIRST_DELAY_MS;
        await this.#wake.promise;
      } catch (error) {
        if (signal.aborted) return;
        const said = toGloveboxError(error).toBody();
        this.#logger.warn({ error: said, delayMs }, "the embedder gave no vectors; it is asked again");
        await sleep(delayMs, signal);
        delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
      }
    }
  }

  async #fillAll(signal: AbortSignal): Promise<void> {
    this.#left = await this.#readers.call({}, "countWithoutVector", spaceOf(this.#embedder));
    let afterChunk = 0;
    for (;;) {
      signal.throwIfAborted();
      const wanted = { afterChunk, limit: BATCH };
      const chunks = await this.#readers.call({}, "withoutVector", spaceOf(this.#embedder), wanted);
      const last = chunks.at(-1);
      if (last === undefined) return;
      await this.#fill(chunks, signal);
      this.#left = Math.max(0, this.#left - chunks.length);
      afterChunk = last.chunk;
    }
  }

  async #fill(chunks: readonly ChunkWithoutVector[], signal: AbortSignal): Promise<void> {
    const space = spaceOf(this.#embedder);
    const unknown = [
      ...new Map(chunks.filter(({ known }) => known === undefined).map(({ textHash, text }) => [textHash, text])),
    ];
    const texts = unknown.map(([, text]) => text);
    const asked = texts.length === 0 ? [] : await orAborted(this.#embedder.embed(texts, signal), signal);
    const byHash = new Map(unknown.map(([hash], at) => [hash, toUnit(Float32Array.from(asked[at] ?? []))]));
    const entries = chunks.map(({ textHash, known }) =>
      known === undefined ? (byHash.get(textHash) as Float32Array) : new Float32Array(new Uint8Array(known).buffer),
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
  }
}

export function spaceOf({ name, model, dimensions }: Embedder): SpaceName {
  return { embedder: name, model, dimensions };
}

/** Not every embedder heeds its signal. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
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
