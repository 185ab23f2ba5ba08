import { GloveboxError } from "../../core/index.ts";
import type { PreparedQuery, SearchHit } from "../search/query.ts";
import { SharedNear } from "../search/shared-near.ts";
import { ContextThread } from "./context-thread.ts";
import type { ReaderMethods } from "./messages.ts";

type Reader = ContextThread<ReaderMethods>;
type Parameters_<F> = F extends (...parameters: infer P) => unknown ? P : never;
type Answer<F> = F extends (...parameters: never[]) => infer R ? Awaited<R> : never;

/** The threads that read. Each has a connection of its own, so that none waits for the writer or for another. */
export class ReaderPool implements AsyncDisposable {
  readonly #file: string;
  readonly #threads: Reader[];
  #closed = false;

  constructor(file: string, count: number) {
    this.#file = file;
    this.#threads = Array.from({ length: count }, () => new ContextThread<ReaderMethods>({ file, role: "reader" }));
  }

  /** How many can read at the same time. */
  get size(): number {
    return this.#threads.length;
  }

  /**
   * Asks the thread with the least to do. With `limitMs`, a thread that has not answered by then is ended, since hostile text may keep a parser for ever: `payload_too_large`. Whoever else waited for
   * it gets `store_failed`, and another thread takes its place.
   */
  async call<K extends keyof ReaderMethods & string>(
    options: { readonly limitMs?: number; readonly signal?: AbortSignal },
    method: K,
    ...parameters: Parameters_<ReaderMethods[K]>
  ): Promise<Answer<ReaderMethods[K]>> {
    options.signal?.throwIfAborted();
    const thread = this.#least();
    const answer = thread.call(method, ...parameters);
    if (options.limitMs === undefined) return answer;
    const { limitMs } = options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const message = `reading the documents took longer than ${limitMs} ms`;
      timer = setTimeout(() => {
        reject(new GloveboxError("payload_too_large", message, { details: { limit: "time", limitMs } }));
        void thread.terminate();
      }, limitMs);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Where words and nearness are both asked for and another thread has nothing to do, that one looks for what is near at the same time. */
  async search(signal: AbortSignal | undefined, query: PreparedQuery): Promise<SearchHit[]> {
    signal?.throwIfAborted();
    const thread = this.#least();
    const isHybrid = query.tokens !== undefined && query.dense !== undefined;
    const helper = this.#threads.find((one) => one !== thread && one.alive && one.load === 0);
    if (!isHybrid || thread.load > 0 || helper === undefined) return thread.call("search", query);
    const { buffer } = new SharedNear(query.k * query.rerankFactor);
    // First who has more to do.
    const hits = thread.call("search", query, buffer);
    // When that fails, the other thread does it itself.
    helper.call("near", query, buffer).catch(() => {});
    return hits;
  }

  /** Has every thread forget what it keeps in memory. */
  async forget(): Promise<void> {
    await Promise.all(this.#threads.filter(({ alive }) => alive).map((thread) => thread.call("forget")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }

  #least(): Reader {
    if (this.#closed) throw new GloveboxError("store_failed", "the context store is closed");
    const dead = this.#threads.findIndex(({ alive }) => !alive);
    if (dead >= 0) this.#threads[dead] = new ContextThread<ReaderMethods>({ file: this.#file, role: "reader" });
    const [first, ...others] = this.#threads;
    if (first === undefined) throw new GloveboxError("store_failed", "the context store has no readers");
    return others.reduce((least, thread) => (thread.load < least.load ? thread : least), first);
  }
}
