import { getCompileCacheDir } from "node:module";
import { setTimeout } from "node:timers/promises";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { OutputStream } from "../process.ts";
import type { EngineSetup, FromWorker, HostAnswer, HostCall, ToWorker, WorkerSeed } from "./messages.ts";
import { newWords, PAGE_BYTES, WORD } from "./shared-words.ts";

/**
 * Bounds of the worker's own heap: what the wall's host side may take, whatever the guest makes it do. The stack is so
 * large that the engine's own limit, which gives an error that the guest can catch, always trips first.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 32 } as const;

/** Uses the process's compile cache, where it has one, for the worker too: 10 ms instead of 90 from sources. */
const BOOT = `
const { workerData: { entry, compileCache } } = require("node:worker_threads");
if (compileCache !== undefined) require("node:module").enableCompileCache(compileCache);
import(entry);
`;

/** A worker that runs answers at once; one that waits does not use the CPU. */
const CPU_ANSWER_MS = 100;

export type WorkerEnd =
  | { readonly kind: "terminated" }
  | { readonly kind: "oom" }
  | { readonly kind: "fatal"; readonly message: string };

export interface WorkerEvents {
  ready(): void;
  said(stream: OutputStream, data: Uint8Array): void;
  /** A request is done; `cpuMs` is the thread's whole CPU time so far. */
  done(serial: number, cpuMs: number): void;
  called(call: HostCall): void;
  ended(end: WorkerEnd): void;
}

/** The server's end of one worker: started before any session wants it, used by one, then terminated. */
export class WorkerThread {
  readonly words = newWords();
  /** Resolves when the instance is made; rejects when the thread ends before. */
  readonly warm: Promise<void>;
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  #events: WorkerEvents | undefined;
  #end: WorkerEnd = { kind: "terminated" };
  #ended = false;

  constructor(module: WebAssembly.Module, rehearse: boolean) {
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    const entry = new URL(`./engine/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url).href;
    const compileCache = getCompileCacheDir();
    this.#worker = new Worker(BOOT, {
      eval: true,
      name: "glovebox-isolate",
      workerData: { module, entry, compileCache, rehearse, words: this.words, answers: port2 } satisfies WorkerSeed,
      transferList: [port2],
      env: {},
      argv: [],
      execArgv: ["--no-warnings"],
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    port1.unref();
    this.warm = new Promise((resolve, reject) => this.#listen(resolve, reject));
    this.warm.catch(() => undefined);
  }

  get threadId(): number {
    return this.#worker.threadId;
  }

  get alive(): boolean {
    return !this.#ended;
  }

  /** Bytes of the engine's memory now. */
  get memoryBytes(): number {
    return Atomics.load(this.words, WORD.memoryPages) * PAGE_BYTES;
  }

  /** Whether the thread keeps the process from ending by itself. */
  hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }

  /** Gives the worker to a session, once. */
  begin(setup: EngineSetup, events: WorkerEvents): void {
    this.#events = events;
    this.post({ t: "setup", setup });
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  answer(answer: HostAnswer): void {
    if (this.#ended) return;
    this.#answers.postMessage(answer);
    this.#wake();
  }

  interrupt(serial: number): void {
    Atomics.store(this.words, WORD.interrupt, serial);
    this.#wake();
  }

  /** The reader has committed what is before `offset`. */
  acked(word: number, offset: number): void {
    Atomics.store(this.words, word, offset | 0);
    this.#wake();
  }

  /** CPU time of the thread so far, milliseconds. Works while it runs; `undefined` while it waits or is gone. */
  async cpuMs(): Promise<number | undefined> {
    try {
      const used = await Promise.race([this.#worker.cpuUsage(), setTimeout(CPU_ANSWER_MS, undefined, { ref: false })]);
      return used && (used.user + used.system) / 1000;
    } catch {
      return undefined;
    }
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #wake(): void {
    Atomics.add(this.words, WORD.wake, 1);
    Atomics.notify(this.words, WORD.wake);
  }

  #listen(resolve: () => void, reject: (error: Error) => void): void {
    this.#worker.on("message", (message: FromWorker) => {
      if (message.t === "warm") resolve();
      else this.#dispatch(message);
    });
    this.#worker.on("error", (error: Error & { code?: string }) => {
      const oom = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      this.#end = oom ? { kind: "oom" } : { kind: "fatal", message: error.message };
      reject(error);
    });
    this.#worker.on("exit", () => {
      this.#ended = true;
      this.#answers.close();
      reject(new Error("the worker ended before it was ready"));
      this.#events?.ended(this.#end);
    });
  }

  #dispatch(message: Exclude<FromWorker, { t: "warm" }>): void {
    switch (message.t) {
      case "ready":
        this.#events?.ready();
        break;
      case "output":
        this.#events?.said(message.stream, message.data);
        break;
      case "done":
        this.#events?.done(message.serial, message.cpuMs);
        break;
      case "call":
        this.#events?.called(message);
        break;
      case "oom":
        this.#finish({ kind: "oom" });
        break;
      case "fatal":
        this.#finish({ kind: "fatal", message: message.message });
    }
  }

  #finish(end: WorkerEnd): void {
    this.#end = end;
    void this.terminate();
  }
}
