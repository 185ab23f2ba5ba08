import { Worker } from "node:worker_threads";
import { type ErrorBody, GloveboxError } from "../../core/index.ts";
import type { FromThread, ThreadData, ToThread } from "./messages.ts";

/** `.ts` in development, `.js` when published. */
const MAIN = new URL(`./main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

type Parameters_<F> = F extends (...parameters: infer P) => unknown ? P : never;
type Answer<F> = F extends (...parameters: never[]) => infer R ? Awaited<R> : never;

/**
 * One thread of the context store, begun when it is first asked something: a server that nobody asks about its context does without. What it is asked it does in order. It keeps the process
 * alive only while somebody waits for it.
 */
export class ContextThread<Methods> implements AsyncDisposable {
  readonly #data: ThreadData;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: GloveboxError): void }>();
  #worker: Worker | undefined;
  #lastId = 0;
  #failure: GloveboxError | undefined;

  constructor(data: ThreadData) {
    this.#data = data;
  }

  /** How much it has been asked that it has not done yet. */
  get load(): number {
    return this.#waiting.size;
  }

  /** Whether it still works. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** Rejects with the method's own error, or `store_failed` when the thread is gone. */
  call<K extends keyof Methods & string>(
    method: K,
    ...parameters: Parameters_<Methods[K]>
  ): Promise<Answer<Methods[K]>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#worker ??= this.#begin();
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#worker.postMessage({ id, method, parameters } satisfies ToThread);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as Answer<Methods[K]>), reject });
    });
  }

  /** Ends it in the middle of what it does. */
  async terminate(): Promise<void> {
    this.#fail(new Error("it was ended"));
    await this.#worker?.terminate();
  }

  /** Does what it was asked, then ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    if (this.#failure !== undefined || worker === undefined) return this.#fail(undefined);
    worker.ref();
    const exited = new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
    });
    worker.postMessage("end");
    await exited;
  }

  #begin(): Worker {
    const worker = new Worker(MAIN, { workerData: this.#data, name: `context-${this.#data.role}` });
    worker.on("message", (message: FromThread) => this.#take(worker, message));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(undefined));
    return worker;
  }

  #take(worker: Worker, message: FromThread): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) worker.unref();
    if ("error" in message) waiting?.reject(toError(message.error));
    else waiting?.resolve(message.result);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = error instanceof Error ? error.message : "it is closed";
    this.#failure = new GloveboxError("store_failed", `a thread of the context store ended: ${reason}`, {
      cause: error,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

function toError({ code, message, details }: ErrorBody): GloveboxError {
  return new GloveboxError(code, message, details === undefined ? undefined : { details });
}
