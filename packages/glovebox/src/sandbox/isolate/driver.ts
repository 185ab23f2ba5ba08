import { GloveboxError, isId, toGloveboxError } from "../../core/index.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult, Sandbox, SandboxSpec, SweepReport } from "../driver.ts";
import { cannot } from "../snapshot/index.ts";
import type { CompanionFactory } from "./companion.ts";
import { engineVersion } from "./engine-module.ts";
import { moduleConfig } from "./host/module-config.ts";
import { checkLimits } from "./limits-applied.ts";
import { probeEngine } from "./probe.ts";
import { IsolateSandbox } from "./sandbox.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface IsolateOptions {
  /** Makes helper sandboxes for files and programs. Without one, code runs but has no files at all. */
  readonly companion?: CompanionFactory;
  /** How many workers to keep ready. Each takes about 25 MiB. Default 2. */
  readonly warmWorkers?: number;
}

const CAPABILITIES: DriverCapabilities = {
  snapshot: "none",
  fork: "none",
  pause: false,
  tty: false,
  network: false,
  programs: false,
  outlivesServer: false,
  workspace: "host",
  languages: ["javascript", "typescript"],
  limits: ["cpus", "memoryMb", "pids", "openFiles", "diskMb"],
};

/** QuickJS in WebAssembly: one instance per kernel, in a worker thread that no other session ever uses. */
export class IsolateDriver implements IsolationDriver {
  readonly isolation = "isolate";
  readonly #options: IsolateOptions;
  readonly #pool: WorkerPool;
  readonly #sandboxes = new Set<IsolateSandbox>();
  /** Ids of sandboxes that are there or being made. */
  readonly #used = new Set<string>();

  constructor(options: IsolateOptions = {}) {
    this.#options = options;
    this.#pool = new WorkerPool(options.warmWorkers ?? 2);
  }

  /** Starts the warm workers; without it they start after the first session. */
  warmUp(): Promise<void> {
    return this.#pool.fill();
  }

  async probe(signal?: AbortSignal): Promise<ProbeResult> {
    try {
      const startMs = await probeEngine(this, signal);
      const notes = this.#options.companion ? [] : ["without a helper sandbox code in an isolate has no files"];
      return { available: true, version: engineVersion(), capabilities: CAPABILITIES, startMs, notes };
    } catch (error) {
      return { available: false, reason: toGloveboxError(error).message };
    }
  }

  async create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    if (!isId(spec.id)) throw new GloveboxError("invalid_argument", "the id of a sandbox is a UUIDv7");
    for (const language of spec.languages) {
      if (CAPABILITIES.languages.includes(language)) continue;
      throw new GloveboxError("language_unavailable", `an isolate does not run ${language}`, { details: { language } });
    }
    if (spec.network) {
      throw new GloveboxError("not_supported_by_isolation", "an isolate has no network", {
        details: { isolation: this.isolation, capability: "network" },
      });
    }
    checkLimits(spec.limits);
    moduleConfig(spec.kernelOptions);
    if (this.#used.has(spec.id)) throw new GloveboxError("already_exists", `there is a sandbox ${spec.id}`);
    this.#used.add(spec.id);
    try {
      return await this.#create(spec, signal);
    } catch (error) {
      this.#used.delete(spec.id);
      throw error;
    }
  }

  /** Always `not_found`: a worker ends with its server. */
  attach(): Promise<Sandbox> {
    return Promise.reject(new GloveboxError("not_found", "an isolate does not outlive its server"));
  }

  restore(): Promise<never> {
    return Promise.reject(cannot(this.isolation, "restore"));
  }

  /** Nothing to sweep: nothing of an isolate stays on the host. */
  sweep(): Promise<SweepReport> {
    return Promise.resolve({ removed: [] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sandboxes].map((sandbox) => sandbox.destroy()));
    await this.#pool[Symbol.asyncDispose]();
  }

  async #create(spec: SandboxSpec, signal: AbortSignal | undefined): Promise<Sandbox> {
    const worker = await this.#pool.take();
    if (signal?.aborted) {
      await worker.terminate();
      throw new GloveboxError("cancelled", "the start of the sandbox was cancelled");
    }
    const sandbox: IsolateSandbox = new IsolateSandbox(spec, this.#pool, worker, this.#options.companion, () => {
      this.#sandboxes.delete(sandbox);
      this.#used.delete(spec.id);
    });
    this.#sandboxes.add(sandbox);
    return sandbox;
  }
}
