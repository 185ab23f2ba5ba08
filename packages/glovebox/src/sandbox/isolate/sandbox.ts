import { type AppliedLimit, GloveboxError } from "../../core/index.ts";
import type { Sandbox, SandboxEnd, SandboxRecord, SandboxSpec, SandboxStats } from "../driver.ts";
import type { SandboxFiles } from "../files.ts";
import type { SandboxProcess, SpawnSpec } from "../process.ts";
import { cannot } from "../snapshot/index.ts";
import { Companion, type CompanionFactory } from "./companion.ts";
import { companionFiles } from "./companion-files.ts";
import { diskUsage } from "./disk-usage.ts";
import { DatabaseHelper } from "./host/database-helper.ts";
import { answerCall } from "./host/host-calls.ts";
import { type ModuleConfig, moduleConfig } from "./host/module-config.ts";
import { type KernelHost, KernelProcess } from "./kernel-process.ts";
import { limitsApplied } from "./limits-applied.ts";
import type { EngineSetup, HostCall } from "./messages.ts";
import { newWords, PAGE_BYTES, WORD } from "./shared-words.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkerEnd, WorkerThread } from "./worker-thread.ts";

/** For libraries to be evaluated. */
const START_MS = 10_000;

/** One session's isolate: its kernels, each a worker with an instance of its own, and its helper sandbox. */
export class IsolateSandbox implements Sandbox, KernelHost {
  readonly id: string;
  readonly isolation = "isolate";
  readonly limitsApplied: readonly AppliedLimit[];
  readonly record: SandboxRecord;
  readonly files: SandboxFiles;
  readonly attached: readonly SandboxProcess[] = [];
  readonly ended: Promise<SandboxEnd>;
  readonly #spec: SandboxSpec;
  readonly #pool: WorkerPool;
  readonly #companion: Companion;
  readonly #modules: ModuleConfig;
  /** With the databases that each has open. */
  readonly #kernels = new Map<KernelProcess, DatabaseHelper>();
  readonly #pagesUsed = newWords(1);
  readonly #end = Promise.withResolvers<SandboxEnd>();
  /** Taken at creation, for the first kernel. */
  #spare: WorkerThread | undefined;
  #nextId = 1;
  #oomKills = 0;
  #cpuMsOfGone = 0;
  #destroyed: Promise<void> | undefined;
  readonly #onGone: () => void;

  constructor(
    spec: SandboxSpec,
    pool: WorkerPool,
    spare: WorkerThread,
    factory: CompanionFactory | undefined,
    onGone: () => void,
  ) {
    this.id = spec.id;
    this.#spec = spec;
    this.#pool = pool;
    this.#spare = spare;
    this.#onGone = onGone;
    this.#modules = moduleConfig(spec.kernelOptions);
    this.#companion = new Companion(factory, spec);
    this.files = companionFiles(this.#companion);
    this.limitsApplied = limitsApplied(spec.limits, this.#companion.possible);
    this.record = { version: 1, isolation: "isolate", id: spec.id, data: {} };
    this.ended = this.#end.promise;
  }

  async spawn(spec: SpawnSpec, signal?: AbortSignal): Promise<SandboxProcess> {
    if (this.#destroyed) throw gone();
    if (spec.kind === "program") {
      throw new GloveboxError(
        "not_supported_by_isolation",
        "an isolate runs no programs, only JavaScript and TypeScript",
      );
    }
    if (spec.language !== "javascript" && spec.language !== "typescript") {
      throw new GloveboxError("language_unavailable", `an isolate does not run ${spec.language}`);
    }
    const spare = this.#spare;
    this.#spare = undefined;
    const worker = spare?.alive ? spare : await this.#pool.take();
    if (this.#destroyed || signal?.aborted) {
      await worker.terminate();
      throw this.#destroyed ? gone() : new GloveboxError("cancelled", "the start of the kernel was cancelled");
    }
    const kernel = new KernelProcess(this.#nextId, worker, spec.language, this);
    this.#nextId += 1;
    this.#kernels.set(kernel, new DatabaseHelper());
    worker.begin(this.#setup(spec.env), kernel);
    if (Object.keys(this.#spec.kernelOptions?.libraries ?? {}).length > 0) await this.#waitForStart(kernel);
    if (spec.limits) await kernel.limit(spec.limits);
    return kernel;
  }

  async oomKills(): Promise<number> {
    const helper = await this.#companion.made?.catch(() => undefined);
    return this.#oomKills + ((await helper?.oomKills()) ?? 0);
  }

  async stats(signal?: AbortSignal): Promise<SandboxStats> {
    const kernels = [...this.#kernels.keys()];
    const cpuMs = await Promise.all(kernels.map((kernel) => kernel.cpuMs()));
    const helper = await (await this.#companion.made?.catch(() => undefined))?.stats(signal);
    return {
      memoryBytes: kernels.reduce((sum, kernel) => sum + kernel.memoryBytes, helper?.memoryBytes ?? 0),
      cpuMs: Math.round(cpuMs.reduce((sum, ms) => sum + ms, this.#cpuMsOfGone + (helper?.cpuMs ?? 0))),
      // A kernel is a thread of the server.
      pids: kernels.length + (helper?.pids ?? 0),
      // Without its helper the session cannot write anything.
      diskBytes: helper?.diskBytes ?? (await diskUsage(this.#spec.workspaceDir).catch(() => 0)),
    };
  }

  snapshot(): Promise<never> {
    return Promise.reject(cannot(this.isolation, "snapshot"));
  }

  fork(): Promise<never> {
    return Promise.reject(cannot(this.isolation, "fork"));
  }

  pause(): Promise<never> {
    return Promise.reject(cannot(this.isolation, "pause"));
  }

  resume(): Promise<never> {
    return Promise.reject(cannot(this.isolation, "pause"));
  }

  destroy(): Promise<void> {
    this.#destroyed ??= this.#destroy();
    return this.#destroyed;
  }

  /** The same as destroying: a worker ends with the server's process. */
  detach(): Promise<void> {
    return this.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  answer(call: HostCall, kernel: KernelProcess, signal: AbortSignal): void {
    const context = { helper: () => this.#companion.get(), signal };
    const databases = this.#kernels.get(kernel) ?? new DatabaseHelper();
    void answerCall(call, context, this.#modules, databases).then((answer) => kernel.worker.answer(answer));
  }

  kernelEnded(kernel: KernelProcess, end: WorkerEnd, cpuMs: number): void {
    void this.#kernels.get(kernel)?.end();
    this.#kernels.delete(kernel);
    this.#cpuMsOfGone += cpuMs;
    Atomics.sub(this.#pagesUsed, 0, Atomics.load(kernel.worker.words, WORD.memoryPages));
    if (end.kind === "oom") this.#oomKills += 1;
  }

  /** Libraries are evaluated at the start: one that does not run, or not in time, fails the session. */
  async #waitForStart(kernel: KernelProcess): Promise<void> {
    const timer = setTimeout(() => void kernel.terminate(), START_MS);
    try {
      await kernel.started;
    } finally {
      clearTimeout(timer);
    }
  }

  #setup(env: Readonly<Record<string, string>> | undefined): EngineSetup {
    return {
      options: this.#spec.kernelOptions ?? {},
      env: { ...this.#spec.env, ...env },
      pagesUsed: this.#pagesUsed,
      maxPages: Math.floor((this.#spec.limits.memoryMb * 1_048_576) / PAGE_BYTES),
      cpus: this.#spec.limits.cpus,
    };
  }

  async #destroy(): Promise<void> {
    await Promise.all([
      this.#spare?.terminate(),
      ...[...this.#kernels.keys()].map((kernel) => kernel.terminate()),
      this.#companion.close(),
    ]);
    this.#end.resolve({ kind: "destroyed" });
    this.#onGone();
  }
}

function gone(): GloveboxError {
  return new GloveboxError("unavailable", "the sandbox is gone");
}
