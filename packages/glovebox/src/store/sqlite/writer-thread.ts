import { Worker } from "node:worker_threads";
import { GloveboxError } from "../../core/index.ts";
import type { FromWriter, NewRequest, ToWriter, WriteReply, WriteRequest } from "./worker/messages.ts";

interface Waiting {
  resolve(reply: WriteReply): void;
  reject(error: GloveboxError): void;
}

/** `.ts` in development, `.js` when published. */
const WORKER = new URL(`./worker/main${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/**
 * The main thread's side of the writer. Requests made in one turn of the event loop travel as one message. The thread keeps the process
 * alive only while something waits for it.
 */
export class WriterThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: WriteRequest[] = [];
  #lastId = 0;
  #failure: GloveboxError | undefined;
  #ended: Promise<void> | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromWriter) => {
      if (message.type === "replies") for (const reply of message.replies) this.#settle(reply);
    });
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", () => this.#fail(undefined));
  }

  /** Starts the thread and waits until it has opened the main database. */
  static async start(files: { readonly mainFile: string; readonly eventsFolder: string }): Promise<WriterThread> {
    const worker = new Worker(WORKER, { workerData: files, name: "store-writer" });
    const thread = new WriterThread(worker);
    await new Promise<void>((resolve, reject) => {
      worker.once("message", () => resolve());
      worker.once("error", reject);
    });
    worker.unref();
    return thread;
  }

  /** Resolves when the request is on disk or was refused. Rejects with `store_failed` when the writer is gone. */
  request(request: NewRequest): Promise<WriteReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended !== undefined) return Promise.reject(new GloveboxError("store_failed", "the store is closed"));
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.#waiting.size === 0) this.#worker.ref();
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    this.#outbox.push({ ...request, id });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
  }

  /** Commits what was asked for, closes the files, ends the thread. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    if (this.#failure !== undefined) return;
    this.#worker.ref();
    const exited = new Promise<void>((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
    this.#flush();
    this.#worker.postMessage({ type: "end" } satisfies ToWriter);
    await exited;
  }

  #flush(): void {
    if (this.#outbox.length === 0) return;
    const requests = this.#outbox;
    this.#outbox = [];
    this.#worker.postMessage({ type: "write", requests } satisfies ToWriter);
  }

  #settle(reply: WriteReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0 && this.#ended === undefined) this.#worker.unref();
    waiting?.resolve(reply);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = error instanceof Error ? error.message : "it is closed";
    this.#failure = new GloveboxError("store_failed", `the store's writer ended: ${reason}`, { cause: error });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
