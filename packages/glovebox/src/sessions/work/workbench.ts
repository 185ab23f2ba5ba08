import type { Language } from "../../core/index.ts";
import type { Sandbox, SandboxProcess, SpawnSpec } from "../../sandbox/index.ts";
import { KERNEL_OPTIONS_ENV } from "../../sandbox/kernel/index.ts";
import { type IdleOutput, Kernel } from "./kernel.ts";
import { MemoryWatch } from "./settle.ts";

/** TypeScript and JavaScript are one kernel: they share their globals. */
export type KernelLanguage = "python" | "javascript" | "bash";

export function kernelLanguage(language: Exclude<Language, "rust">): KernelLanguage {
  return language === "typescript" ? "javascript" : language;
}

/** The beginning of a kernel's tag, by which it is known again after a restart, and in a copy of its sandbox. */
const KERNEL_TAG = "kernel:";

export function isKernel(process: SandboxProcess): boolean {
  return process.tag.startsWith(KERNEL_TAG);
}

/** Of a process that is a kernel. */
export function languageOf(process: SandboxProcess): KernelLanguage {
  return process.tag.slice(KERNEL_TAG.length) as KernelLanguage;
}

export interface KernelLease {
  readonly kernel: Kernel;
  /** The kernel before it ended while nothing ran in it: its state is gone. */
  readonly replacesLost: boolean;
}

const END_MS = 2_000;

/** A sandbox and the kernels that live in it: started when first needed, kept, replaced when they end. */
export class Workbench {
  readonly sandbox: Sandbox;
  readonly memory: MemoryWatch;
  readonly #idle: IdleOutput;
  readonly #detach: AbortSignal | undefined;
  /** The session's: a sandbox out of a pool was made before it. */
  env: Readonly<Record<string, string>>;
  readonly #kernels = new Map<KernelLanguage, Promise<Kernel>>();
  readonly #lost = new Set<KernelLanguage>();

  constructor(options: {
    sandbox: Sandbox;
    idle: IdleOutput;
    detach?: AbortSignal | undefined;
    /** Default: the sandbox's own alone. */
    env?: Readonly<Record<string, string>> | undefined;
  }) {
    this.sandbox = options.sandbox;
    this.memory = new MemoryWatch(options.sandbox);
    this.#idle = options.idle;
    this.#detach = options.detach;
    this.env = options.env ?? {};
  }

  get idle(): IdleOutput {
    return this.#idle;
  }

  get detach(): AbortSignal | undefined {
    return this.#detach;
  }

  /** Starts a program with the session's environment. */
  spawn(spec: SpawnSpec): Promise<SandboxProcess> {
    return this.sandbox.spawn({ ...spec, env: { ...this.env, ...spec.env } });
  }

  /** The kernel of a language, started if there is none alive. */
  async kernel(language: KernelLanguage): Promise<KernelLease> {
    const kept = this.#kernels.get(language);
    if (kept !== undefined) {
      const kernel = await kept;
      if (kernel.alive) return { kernel, replacesLost: false };
    }
    const replacesLost = this.#lost.delete(language);
    return { kernel: await this.#start(language), replacesLost };
  }

  /** The languages of which a kernel was started, and whose next one must say that their state is gone. */
  get languages(): readonly KernelLanguage[] {
    return [...new Set([...this.#kernels.keys(), ...this.#lost])];
  }

  /** Whether a kernel of the language is there, or being started. */
  has(language: KernelLanguage): boolean {
    return this.#kernels.has(language);
  }

  /** The state of these languages is gone. */
  lose(languages: readonly KernelLanguage[]): void {
    for (const language of languages) this.#lost.add(language);
  }

  /** Resolves when no kernel is in the middle of what it was asked for in another sandbox. */
  async free(): Promise<void> {
    await Promise.all([...this.#kernels.values()].map(async (kernel) => (await kernel).free));
  }

  /** Takes over a kernel that outlived the server, or came along with the sandbox's memory. */
  adopt(language: KernelLanguage, kernel: Kernel): void {
    this.#kernels.set(language, Promise.resolve(kernel));
    this.#watch(language, kernel);
  }

  /** Ends kernels in which nothing ran yet, so that nothing is lost; false when one is not gone after two seconds. */
  async endUnused(unwanted: (language: KernelLanguage) => boolean): Promise<boolean> {
    const languages = [...this.#kernels.keys()].filter(unwanted);
    const ended = languages.map(async (language) => {
      const kernel = await this.#kernels.get(language);
      this.#kernels.delete(language);
      await kernel?.kill();
      await kernel?.over;
      this.#lost.delete(language);
    });
    if (ended.length === 0) return true;
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), END_MS);
    const over = Promise.all(ended).then(() => true);
    return Promise.race([over, late]).finally(() => clearTimeout(timer));
  }

  #start(language: KernelLanguage): Promise<Kernel> {
    const tag = `${KERNEL_TAG}${language}`;
    // What kernels read from there is not the session's to say.
    const { [KERNEL_OPTIONS_ENV]: _, ...env } = this.env;
    const started = this.sandbox.spawn({ kind: "kernel", language, tag, env }).then((process) => {
      const kernel = new Kernel({ language, process, idle: this.#idle, detach: this.#detach });
      this.#watch(language, kernel);
      return kernel;
    });
    this.#kernels.set(language, started);
    started.catch(() => {
      if (this.#kernels.get(language) === started) this.#kernels.delete(language);
    });
    return started;
  }

  #watch(language: KernelLanguage, kernel: Kernel): void {
    void kernel.over.then((end) => {
      if (end.kind === "kernel_lost" && !kernel.endedBusy) this.#lost.add(language);
    });
  }
}
