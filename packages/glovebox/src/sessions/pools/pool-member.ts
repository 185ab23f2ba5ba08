import type { Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import type { SessionNetwork } from "../network/session-network.ts";
import type { IdleOutput } from "../work/kernel.ts";
import { type KernelLanguage, Workbench } from "../work/workbench.ts";
import { HeldOutput, type LaterNetwork } from "./stand-in.ts";

/** What a ready sandbox gets to answer when it is taken, milliseconds. On a machine so busy that it takes longer, a new one would take longer still. */
const HEALTH_MS = 2_000;

/** A sandbox that nobody has used, with its kernels. Used by one session and never returned. */
export class PoolMember {
  readonly spec: SandboxSpec;
  readonly bench: Workbench;
  /** Aborts when the server lets go of the session that it became. */
  readonly detaching = new AbortController();
  readonly #output = new HeldOutput();
  readonly #later: LaterNetwork | undefined;
  #died: (() => void) | undefined;
  #dead = false;

  constructor(spec: SandboxSpec, sandbox: Sandbox, later: LaterNetwork | undefined) {
    this.spec = spec;
    this.#later = later;
    this.bench = new Workbench({ sandbox, idle: this.#output, detach: this.detaching.signal });
    void sandbox.ended.then(() => this.#die());
  }

  get sandbox(): Sandbox {
    return this.bench.sandbox;
  }

  /** Starts kernels; resolves when they have answered. One that ends is the member's end, until it is taken. */
  async startKernels(languages: Iterable<KernelLanguage>): Promise<void> {
    for (const language of languages) {
      const { kernel } = await this.bench.kernel(language);
      void kernel.over.then(() => this.#die());
      kernel.catchUp();
      await kernel.free;
      await kernel.rehearse();
    }
  }

  /** Does once what is done when it is taken: see {@link Kernel.rehearse}. */
  async rehearse(): Promise<void> {
    await this.sandbox.stats();
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** Called once when it dies while it waits. */
  onDeath(died: () => void): void {
    this.#died = died;
  }

  /** Whether it lives and its agent answers, in bounded time. */
  async healthy(): Promise<boolean> {
    this.#died = undefined;
    if (this.#dead) return false;
    const patience = AbortSignal.timeout(HEALTH_MS);
    const late = new Promise<never>((_, reject) => {
      patience.addEventListener("abort", () => reject(patience.reason), { once: true });
    });
    late.catch(() => {});
    try {
      await Promise.race([this.sandbox.stats(patience), late]);
      return !this.#dead;
    } catch {
      return false;
    }
  }

  /** Ends all kernels but these, in bounded time; false when one does not go. Never rejects. */
  keep(languages: ReadonlySet<KernelLanguage>): Promise<boolean> {
    return this.bench.endUnused((language) => !languages.has(language));
  }

  /** Becomes a session's: with its way out, its environment, and the stream for what kernels print between executions. */
  enter(session: {
    readonly network: SessionNetwork["network"];
    readonly output: IdleOutput;
    readonly env: Readonly<Record<string, string>>;
  }): void {
    if (session.network !== undefined) this.#later?.passTo(session.network);
    this.#output.passTo(session.output);
    this.bench.env = session.env;
  }

  /** Frees all that it holds. */
  async destroy(): Promise<void> {
    this.#died = undefined;
    await this.sandbox.destroy();
    await removeWorkspace(this.spec.workspaceDir);
  }

  #die(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#died?.();
  }
}
