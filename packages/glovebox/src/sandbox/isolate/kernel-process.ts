import { GloveboxError, type Language } from "../../core/index.ts";
import type { LimitKind, OutputStream, ProcessItem, ProcessLimits, SandboxProcess, SignalScope } from "../process.ts";
import { engineVersion } from "./engine-module.ts";
import { LimitWatch } from "./limit-watch.ts";
import type { HostCall } from "./messages.ts";
import { OutputQueue } from "./output-queue.ts";
import { RequestParser } from "./request-parser.ts";
import { WORD } from "./shared-words.ts";
import type { WorkerEnd, WorkerEvents, WorkerThread } from "./worker-thread.ts";

const ACKED = {
  stdout: WORD.ackedStdout,
  stderr: WORD.ackedStderr,
  control: WORD.ackedControl,
} as const satisfies Record<OutputStream, number>;

/** What a kernel needs of its session. */
export interface KernelHost {
  /** `signal` is aborted when the execution that calls is interrupted or the kernel ends. */
  answer(call: HostCall, kernel: KernelProcess, signal: AbortSignal): void;
  kernelEnded(kernel: KernelProcess, end: WorkerEnd, cpuMs: number): void;
}

/** A worker as a process: requests in, messages out, signals, limits. */
export class KernelProcess implements SandboxProcess, WorkerEvents {
  readonly id: number;
  readonly pid: number;
  readonly tag: string;
  readonly #worker: WorkerThread;
  readonly #host: KernelHost;
  readonly #queue = new OutputQueue();
  readonly #parser = new RequestParser();
  readonly #limits: LimitWatch;
  readonly #startMs = performance.now();
  /** Serial numbers of the requests that are not done. */
  readonly #running: number[] = [];
  /** Bytes of each stream that did not come from the worker. */
  readonly #lead: Readonly<Record<OutputStream, number>>;
  #serial = 0;
  #cpuMs = 0;
  #killedFor: LimitKind | undefined;
  #killedBy: NodeJS.Signals = "SIGKILL";
  readonly #gone = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  #calls = new AbortController();

  constructor(id: number, worker: WorkerThread, language: Language, host: KernelHost) {
    this.id = id;
    this.pid = worker.threadId;
    this.tag = `kernel:${language}`;
    this.#worker = worker;
    this.#host = host;
    this.#limits = new LimitWatch({
      cpuMs: () => this.cpuMs(),
      knownCpuMs: () => this.#cpuMs,
      interrupt: (limit) => {
        this.#queue.push({ kind: "limit", limit, action: "interrupted" });
        this.#interrupt();
      },
      kill: (limit) => this.#kill(limit),
    });
    const ready = Buffer.from(`${JSON.stringify({ t: "ready", language, version: engineVersion() })}\n`);
    this.#queue.output("control", ready);
    this.#lead = { stdout: 0, stderr: 0, control: ready.length };
    void this.cpuMs();
    this.#started.promise.catch(() => undefined);
  }

  get held() {
    return this.#queue.held;
  }

  get memoryBytes(): number {
    return this.#worker.memoryBytes;
  }

  get worker(): WorkerThread {
    return this.#worker;
  }

  /** CPU time so far, milliseconds; the last known figure once it is gone. */
  async cpuMs(): Promise<number> {
    this.#cpuMs = Math.max(this.#cpuMs, (await this.#worker.cpuMs()) ?? 0);
    return this.#cpuMs;
  }

  output(signal?: AbortSignal): AsyncIterable<ProcessItem> {
    return this.#queue.read(signal);
  }

  ack(stream: OutputStream, offset: number): void {
    this.#worker.acked(ACKED[stream], this.#queue.ack(stream, offset) - this.#lead[stream]);
  }

  /** Nothing: a kernel of this isolation is never attached to again. */
  resumeFrom(): void {}

  write(): Promise<void> {
    return Promise.reject(new GloveboxError("not_supported_by_isolation", "JavaScript in an isolate has no stdin"));
  }

  closeStdin(): Promise<void> {
    return Promise.resolve();
  }

  readonly stdin = { given: 0, closed: true } as const;

  async writeControl(data: Uint8Array): Promise<void> {
    if (this.#queue.ended) throw new GloveboxError("conflict", "the kernel has ended");
    for (const request of this.#parser.push(data)) {
      this.#serial += 1;
      this.#running.push(this.#serial);
      this.#worker.post({ t: "exec", serial: this.#serial, request });
    }
  }

  /** SIGINT interrupts the request that runs; what ends a process ends the kernel. A kernel has no descendants. */
  async signal(name: NodeJS.Signals, scope: SignalScope = "root"): Promise<void> {
    if (scope === "descendants" || this.#queue.ended) return;
    if (name === "SIGINT") return this.#interrupt();
    if (name !== "SIGKILL" && name !== "SIGTERM" && name !== "SIGHUP" && name !== "SIGQUIT") return;
    this.#killedBy = name;
    await this.terminate();
  }

  async limit(limits: ProcessLimits): Promise<void> {
    if (!this.#queue.ended) this.#limits.set(limits);
  }

  resize(): Promise<void> {
    return Promise.reject(new GloveboxError("not_supported_by_isolation", "a kernel has no terminal"));
  }

  release(): void {}

  /** Ends the kernel and waits until it is gone. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
    await this.#gone.promise;
  }

  /** Resolves when the session's libraries and modules are there; `startup_failed` when they cannot be. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  // What the worker says:

  ready(): void {
    this.#started.resolve();
  }

  said(stream: OutputStream, data: Uint8Array): void {
    this.#queue.output(stream, data);
  }

  done(serial: number, cpuMs: number): void {
    const at = this.#running.indexOf(serial);
    if (at !== -1) this.#running.splice(at, 1);
    this.#cpuMs = Math.max(this.#cpuMs, cpuMs);
    this.#limits.lift();
  }

  called(call: HostCall): void {
    this.#host.answer(call, this, this.#calls.signal);
  }

  ended(end: WorkerEnd): void {
    this.#limits.lift();
    this.#calls.abort();
    const why = end.kind === "fatal" ? end.message : `the kernel ended: ${end.kind}`;
    this.#started.reject(new GloveboxError("startup_failed", why));
    if (end.kind === "oom") {
      this.#killedFor = "memory";
      this.#queue.push({ kind: "limit", limit: "memory", action: "killed" });
    }
    const common = { cpuMs: this.#cpuMs, wallMs: performance.now() - this.#startMs };
    this.#queue.push({
      kind: "exit",
      exit: {
        ...common,
        signal: end.kind === "fatal" ? "SIGABRT" : this.#killedBy,
        maxRssKb: Math.ceil(this.memoryBytes / 1024),
        ...(this.#killedFor ? { limit: this.#killedFor } : {}),
      },
    });
    this.#host.kernelEnded(this, end, this.#cpuMs);
    this.#gone.resolve();
  }

  #interrupt(): void {
    const serial = this.#running[0];
    if (serial === undefined) return;
    this.#worker.interrupt(serial);
    this.#calls.abort();
    this.#calls = new AbortController();
  }

  #kill(limit: LimitKind): void {
    this.#killedFor = limit;
    this.#queue.push({ kind: "limit", limit, action: "killed" });
    void this.cpuMs().then(() => this.terminate());
  }
}
