import { type AppliedLimit, GloveboxError, newId } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import type { Sandbox, SandboxEnd, SandboxRecord, SandboxSpec, SandboxStats } from "../driver.ts";
import type { SandboxFiles } from "../files.ts";
import { KERNEL_OPTIONS_ENV, kernelArgv } from "../kernel/index.ts";
import type { SandboxProcess, SpawnSpec } from "../process.ts";
import { cannot } from "../snapshot/index.ts";
import type { ForkReport, PauseOptions, SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import { freeHostSide, type HostSide } from "./host-side.ts";
import { BASE_ENV, INSIDE } from "./inside.ts";
import { type BubblewrapState, encodeRecord } from "./record.ts";
import { type Family, forkSandbox, type Taken, takeSnapshot } from "./snapshot.ts";
import { goOn, Standstill } from "./standstill.ts";
import { watchEnd } from "./watch-end.ts";

/** One live bubblewrap sandbox. */
export class BubblewrapSandbox implements Sandbox {
  readonly id: string;
  readonly isolation = "bubblewrap" as const;
  readonly record: SandboxRecord;
  readonly ended: Promise<SandboxEnd>;
  readonly #connection: AgentConnection;
  readonly #host: HostSide;
  readonly #state: BubblewrapState;
  readonly #settle: (end: SandboxEnd) => void;
  readonly #family: Family;
  readonly #standstill: Standstill;
  #pausing: Promise<AsyncDisposable> | undefined;
  #destroying: Promise<void> | undefined;
  #detached = false;

  constructor(id: string, connection: AgentConnection, host: HostSide, state: BubblewrapState, family: Family) {
    this.id = id;
    this.#family = family;
    this.#standstill = new Standstill({ cgroup: host.cgroup, folder: host.folder, connection });
    this.#connection = connection;
    this.#host = host;
    this.#state = state;
    this.record = encodeRecord(id, state);
    const { promise, resolve } = Promise.withResolvers<SandboxEnd>();
    this.ended = promise;
    this.#settle = resolve;
    void watchEnd({
      connection,
      host,
      isOver: () => this.#detached || this.#destroying !== undefined,
      detach: () => this.detach(),
      settle: resolve,
    });
  }

  get limitsApplied(): readonly AppliedLimit[] {
    return this.#state.limitsApplied;
  }

  get files(): SandboxFiles {
    return this.#connection.files;
  }

  get attached(): readonly SandboxProcess[] {
    return this.#connection.attached;
  }

  async spawn(spec: SpawnSpec, signal?: AbortSignal): Promise<SandboxProcess> {
    this.#live();
    const program = spec.kind === "program";
    const argv = program ? spec.argv : kernelArgv(spec.language);
    if (!argv) throw new GloveboxError("language_unavailable", "The language has no kernel: compile and run it");
    if (argv.length === 0) throw new GloveboxError("invalid_argument", "argv is empty");
    const { env, kernelOptions, openFiles } = this.#state;
    const forKernel = program || !kernelOptions ? {} : { [KERNEL_OPTIONS_ENV]: JSON.stringify(kernelOptions) };
    return this.#connection.spawn(
      {
        argv,
        env: { ...BASE_ENV, ...env, ...forKernel, ...spec.env },
        cwd: spec.cwd ?? INSIDE.workspace,
        stdin: program ? (spec.stdin ?? "pipe") : "null",
        control: !program,
        openFiles,
        ...(program && spec.terminal ? { terminal: spec.terminal } : {}),
        ...(spec.limits ? { limits: spec.limits } : {}),
        ...(spec.tag === undefined ? {} : { tag: spec.tag }),
      },
      signal,
    );
  }

  async oomKills(): Promise<number> {
    const counted = this.#host.cgroup.oomKills();
    if (!this.#state.watched) return counted;
    return counted + (await this.#connection.stats()).oomKills;
  }

  async stats(signal?: AbortSignal): Promise<SandboxStats> {
    const seen = await this.#connection.stats(signal);
    const { cpuMs, pids, diskBytes } = seen;
    return { memoryBytes: this.#host.cgroup.memoryBytes() ?? seen.memoryBytes, cpuMs, pids, diskBytes };
  }

  async snapshot(options: SnapshotOptions): Promise<SnapshotManifest> {
    if (options.kind === "memory") throw cannot(this.isolation, "snapshot");
    return (await this.#snapshot(options)).manifest;
  }

  fork(specs: readonly SandboxSpec[], signal?: AbortSignal): Promise<ForkReport<Sandbox>> {
    return forkSandbox({
      specs,
      folder: `${this.#workspace()}.fork-${newId()}`,
      take: (dir) => this.#snapshot({ dir, ...(signal && { signal }) }),
      family: this.#family,
      signal,
    });
  }

  /** Its processes stand still and keep their memory: giving that back needs another isolation. */
  async pause(options: PauseOptions = {}): Promise<void> {
    if (options.release) throw cannot(this.isolation, "pause");
    this.#live();
    this.#pausing ??= this.#standstill.hold();
    await this.#pausing;
  }

  async resume(): Promise<void> {
    const pausing = this.#pausing;
    this.#pausing = undefined;
    await (await pausing)?.[Symbol.asyncDispose]();
  }

  async #snapshot(options: SnapshotOptions): Promise<Taken> {
    const workspace = this.#workspace();
    const { limitsApplied } = this.#state;
    const { nativeDir } = this.#family;
    return takeSnapshot({ options, workspace, limitsApplied, standstill: this.#standstill, nativeDir });
  }

  /** Errors: `unavailable` when it is gone, `snapshot_incompatible` when it was made by a server that did not note the folder. */
  #workspace(): string {
    this.#live();
    const { workspace } = this.#state;
    if (workspace !== undefined) return workspace;
    throw new GloveboxError("snapshot_incompatible", "The sandbox was made by an older server: make a new session");
  }

  #live(): void {
    if (!this.#destroying && !this.#detached) return;
    throw new GloveboxError("unavailable", "The sandbox was destroyed or let go of");
  }

  destroy(): Promise<void> {
    this.#destroying ??= this.#destroy();
    return this.#destroying;
  }

  async detach(): Promise<void> {
    if (this.#detached || this.#destroying) return;
    this.#detached = true;
    await this.#connection.close();
    this.#host.supervisor.release();
    this.#host.onDetached();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  async #destroy(): Promise<void> {
    this.#settle({ kind: "destroyed" });
    if (this.#detached) return;
    await this.#connection.close();
    // What stands still does not die.
    await goOn(this.#host.cgroup.places, this.#host.folder);
    // The kernel kills a pid namespace whole with its first process; there is nothing to ask the agent for.
    await freeHostSide(this.#host);
  }
}
