import { rm } from "node:fs/promises";
import { type AppliedLimit, GloveboxError, newId } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import { BASE_ENV, INSIDE } from "../bubblewrap/inside.ts";
import { watchEnd } from "../bubblewrap/watch-end.ts";
import type { Sandbox, SandboxEnd, SandboxRecord, SandboxSpec, SandboxStats } from "../driver.ts";
import type { SandboxFiles } from "../files.ts";
import { KERNEL_OPTIONS_ENV, kernelArgv } from "../kernel/index.ts";
import type { SandboxProcess, SpawnSpec } from "../process.ts";
import type { ForkReport, SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import { hostCpuMs } from "./host-cpu.ts";
import { notePaused } from "./paused.ts";
import { CONTAINER } from "./places.ts";
import type { PreparedHost } from "./prepare-host.ts";
import { encodeRecord, type GvisorState } from "./record.ts";
import { runscCommand } from "./runsc.ts";
import { explainEnd } from "./sandbox-end.ts";
import { type CheckedSnapshot, type SnapshotSource, snapshotOf, takeSnapshot } from "./snapshot.ts";

/** How long the supervisor may take to say how it ended, milliseconds: runsc ends slowly. */
const END_PATIENCE_MS = 900;

/** What a sandbox needs of its driver to be copied. */
export interface SandboxMaker {
  readonly host: PreparedHost;
  readonly restore: (snapshot: CheckedSnapshot, spec: SandboxSpec, signal?: AbortSignal) => Promise<Sandbox>;
  /** A snapshot with its memory was taken: somebody may want it back. */
  readonly expectRestore: () => void;
}

/** One live gVisor sandbox. */
export class GvisorSandbox implements Sandbox {
  readonly id: string;
  readonly isolation = "gvisor" as const;
  readonly record: SandboxRecord;
  readonly ended: Promise<SandboxEnd>;
  readonly #connection: AgentConnection;
  readonly #host: HostSide;
  readonly #state: GvisorState;
  readonly #settle: (end: SandboxEnd) => void;
  readonly #maker: SandboxMaker;
  #destroying: Promise<void> | undefined;
  #detached = false;
  #paused: boolean;
  /** Snapshots, forks and pauses, one after the other. */
  #standing: Promise<unknown> = Promise.resolve();

  constructor(
    id: string,
    connection: AgentConnection,
    host: HostSide,
    state: GvisorState,
    maker: SandboxMaker,
    paused = false,
  ) {
    this.#maker = maker;
    this.#paused = paused;
    this.id = id;
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
      explain: explainEnd,
      patienceMs: END_PATIENCE_MS,
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
    if (this.#destroying || this.#detached) {
      throw new GloveboxError("unavailable", "The sandbox was destroyed or let go of");
    }
    const program = spec.kind === "program";
    const argv = program ? spec.argv : kernelArgv(spec.language);
    if (!argv) throw new GloveboxError("language_unavailable", "The language has no kernel: compile and run it");
    if (argv.length === 0) throw new GloveboxError("invalid_argument", "argv is empty");
    const { env, kernelOptions, limits } = this.#state;
    const forKernel = program || !kernelOptions ? {} : { [KERNEL_OPTIONS_ENV]: JSON.stringify(kernelOptions) };
    return this.#connection.spawn(
      {
        argv,
        env: { ...BASE_ENV, ...env, ...forKernel, ...spec.env },
        cwd: spec.cwd ?? INSIDE.workspace,
        stdin: program ? (spec.stdin ?? "pipe") : "null",
        control: !program,
        openFiles: limits.openFiles,
        ...(program && spec.terminal ? { terminal: spec.terminal } : {}),
        ...(spec.limits ? { limits: spec.limits } : {}),
        ...(spec.tag === undefined ? {} : { tag: spec.tag }),
      },
      signal,
    );
  }

  async oomKills(): Promise<number> {
    return this.#host.cgroup.oomKills() + (await this.#connection.stats()).oomKills;
  }

  async stats(signal?: AbortSignal): Promise<SandboxStats> {
    const seen = await this.#connection.stats(signal);
    const { pids, diskBytes } = seen;
    const { cgroup } = this.#host;
    // Inside, a program that waits for its turn on a CPU of the host seems to run: the host's count is the true one.
    const cpuMs = (await hostCpuMs(cgroup)) ?? seen.cpuMs;
    return { memoryBytes: cgroup.memoryBytes() ?? seen.memoryBytes, cpuMs, pids, diskBytes };
  }

  snapshot(options: SnapshotOptions): Promise<SnapshotManifest> {
    return this.#inTurn(async () => {
      const { manifest } = await takeSnapshot(this.#source(), options);
      if (manifest.kind === "memory") this.#maker.expectRestore();
      return manifest;
    });
  }

  fork(specs: readonly SandboxSpec[], signal?: AbortSignal): Promise<ForkReport<Sandbox>> {
    return this.#inTurn(async () => {
      // Beside the workspace, where blocks of files can be shared.
      const dir = `${this.#state.workspaceDir}.fork-${newId()}`;
      try {
        const { manifest, silentMs } = await takeSnapshot(this.#source(), {
          dir,
          ...(signal ? { signal } : {}),
        });
        const snapshot = snapshotOf(manifest, dir);
        const { packages } = this.#state;
        const made = await Promise.allSettled(
          specs.map((spec) => {
            const { packages: _, ...own } = spec;
            return this.#maker.restore(snapshot, { ...own, ...(packages === undefined ? {} : { packages }) }, signal);
          }),
        );
        const sandboxes = made.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
        const failure = made.find((each) => each.status === "rejected");
        if (!failure) return { sandboxes, path: "copied", silentMs };
        await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
        throw failure.reason;
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    });
  }

  pause(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#paused) return;
      await notePaused(this.#host.folder, true);
      await runscCommand(this.#host.folder, ["pause", CONTAINER]);
      this.#paused = true;
    });
  }

  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#paused) return;
      await runscCommand(this.#host.folder, ["resume", CONTAINER]);
      await notePaused(this.#host.folder, false);
      this.#paused = false;
    });
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

  #source(): SnapshotSource {
    const { host } = this.#maker;
    return { side: this.#host, connection: this.#connection, state: this.#state, host, paused: this.#paused };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#standing.then(() => {
      if (this.#destroying || this.#detached) {
        throw new GloveboxError("unavailable", "The sandbox was destroyed or let go of");
      }
      return work();
    });
    this.#standing = turn.catch(() => {});
    return turn;
  }

  async #destroy(): Promise<void> {
    this.#settle({ kind: "destroyed" });
    if (this.#detached) return;
    await this.#connection.close();
    // gvisor-host, runsc and its parts die with each other; there is nothing to ask the agent for.
    await freeHostSide(this.#host);
  }
}
