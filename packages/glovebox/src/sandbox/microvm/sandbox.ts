import { join } from "node:path";
import { type AppliedLimit, GloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import { BASE_ENV, INSIDE } from "../bubblewrap/inside.ts";
import { watchEnd } from "../bubblewrap/watch-end.ts";
import type { Sandbox, SandboxEnd, SandboxRecord, SandboxSpec, SandboxStats } from "../driver.ts";
import type { SandboxFiles } from "../files.ts";
import { notePaused } from "../gvisor/paused.ts";
import { KERNEL_OPTIONS_ENV, kernelArgv } from "../kernel/index.ts";
import type { SandboxProcess, SpawnSpec } from "../process.ts";
import { cannot } from "../snapshot/index.ts";
import type { ForkReport, PauseOptions, SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import { type ForkJob, forkImage, forkProcess, type LiveOrigin } from "./fork-live.ts";
import { isFileWorthy } from "./origin.ts";
import type { Qmp } from "./qmp.ts";
import { encodeRecord, type MicrovmState } from "./record.ts";
import { IMAGE_FILES, saveLive, snapshotInto } from "./save-live.ts";
import { SpareKernels } from "./spare-kernels.ts";
import { IO_NAME, openQmp } from "./start-machine.ts";
import { exportWorkspace } from "./workspace.ts";

/** How long a guest is asked for its workspace when it may hang, milliseconds, before it is ended without. */
const LAST_PING_MS = 2_000;
const MIB = 1 << 20;

/** What a sandbox asks of its driver. */
export interface MicrovmRoom {
  readonly compatibility: Readonly<Record<string, string>>;
  /** Makes a sandbox that goes on from an image of this one, or from its process. */
  begin(origin: LiveOrigin, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>;
}

/** A machine as it was at one moment: device state with or without the memory beside it, and its disk. */
export interface LiveImage {
  readonly dir: string;
  readonly memoryApart: boolean;
  readonly state: MicrovmState;
  /** Of the connection that its agent knows last. */
  readonly epoch: bigint;
}

export interface Spares {
  readonly kernels: SpareKernels;
  readonly startEnv: Readonly<Record<string, string>>;
}

/** One live microVM. */
export class MicrovmSandbox implements Sandbox {
  readonly id: string;
  readonly isolation = "microvm" as const;
  readonly record: SandboxRecord;
  readonly ended: Promise<SandboxEnd>;
  readonly attached: readonly SandboxProcess[];
  readonly #connection: AgentConnection;
  readonly #host: HostSide;
  readonly #state: MicrovmState;
  readonly #room: MicrovmRoom;
  readonly #spares: Spares;
  readonly #settle: (end: SandboxEnd) => void;
  #destroying: Promise<void> | undefined;
  #detached = false;
  #paused: boolean;
  /** Saving and pausing take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    id: string,
    connection: AgentConnection,
    host: HostSide,
    state: MicrovmState,
    room: MicrovmRoom,
    { startEnv = {}, paused = false }: { startEnv?: Readonly<Record<string, string>>; paused?: boolean } = {},
  ) {
    this.id = id;
    this.#connection = connection;
    this.#host = host;
    this.#state = state;
    this.#room = room;
    this.#paused = paused;
    const { spares, rest } = SpareKernels.among(connection.attached);
    this.#spares = { kernels: spares, startEnv };
    this.attached = rest;
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

  async spawn(spec: SpawnSpec, signal?: AbortSignal): Promise<SandboxProcess> {
    this.#refuseWhenOver();
    const program = spec.kind === "program";
    const argv = program ? spec.argv : kernelArgv(spec.language);
    if (!argv) throw new GloveboxError("language_unavailable", "The language has no kernel: compile and run it");
    if (argv.length === 0) throw new GloveboxError("invalid_argument", "argv is empty");
    const { env, kernelOptions, openFiles } = this.#state;
    const forKernel = program || !kernelOptions ? {} : { [KERNEL_OPTIONS_ENV]: JSON.stringify(kernelOptions) };
    const whole = { ...BASE_ENV, ...env, ...forKernel, ...spec.env };
    const spare = program ? undefined : await this.#takeSpare(spec, whole);
    if (spare) return spare;
    return this.#connection.spawn(
      {
        argv,
        env: whole,
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
    return (await this.#connection.stats()).oomKills;
  }

  async stats(signal?: AbortSignal): Promise<SandboxStats> {
    const { memoryBytes, cpuMs, pids, diskBytes } = await this.#connection.stats(signal);
    return { memoryBytes, cpuMs, pids, diskBytes };
  }

  snapshot(options: SnapshotOptions): Promise<SnapshotManifest> {
    this.#refuseWhenOver();
    const { compatibility } = this.#room;
    const take = () => snapshotInto(options, this.files, compatibility, (dir) => this.#save(dir, false));
    return this.#inTurn(async () => {
      if (!this.#paused || options.kind !== "files") return take();
      // The guest itself reads its files.
      await this.#ask((qmp) => qmp.run("cont"));
      try {
        return await take();
      } finally {
        await this.#ask((qmp) => qmp.run("stop"));
      }
    });
  }

  async fork(specs: readonly SandboxSpec[], signal?: AbortSignal): Promise<ForkReport<Sandbox>> {
    this.#refuseWhenOver();
    const { folder, epoch } = this.#host;
    const { forkable, copy } = this.#state;
    const job: ForkJob = { specs, begin: (origin, spec) => this.#room.begin(origin, spec, signal) };
    return this.#inTurn(async () => {
      if (copy) {
        const process = { folder, disk: join(folder, IMAGE_FILES.workspace), ...copy };
        const source = { process, state: this.#state, epoch };
        try {
          return await forkProcess(source, job, (work) => this.#ask(work), this.#paused);
        } catch (error) {
          if (signal?.aborted || !isFileWorthy(error)) throw error;
        }
      }
      return forkImage(folder, job, (dir) => this.#save(dir, forkable));
    });
  }

  /** With `release`: `not_supported_by_isolation`. Who wants the memory back takes a snapshot, destroys, and restores. */
  pause(options: PauseOptions = {}): Promise<void> {
    if (options.release) return Promise.reject(cannot(this.isolation, "pause"));
    this.#refuseWhenOver();
    return this.#inTurn(async () => {
      if (this.#paused) return;
      await this.#ask((qmp) => qmp.run("stop"));
      await notePaused(this.#host.folder, true);
      this.#paused = true;
    });
  }

  resume(): Promise<void> {
    this.#refuseWhenOver();
    return this.#inTurn(async () => {
      if (!this.#paused) return;
      await this.#ask((qmp) => qmp.run("cont"));
      await notePaused(this.#host.folder, false);
      this.#paused = false;
      await this.#connection.setClock();
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

  async #takeSpare(
    spec: SpawnSpec & { readonly kind: "kernel" },
    env: Readonly<Record<string, string>>,
  ): Promise<SandboxProcess | undefined> {
    if (spec.cwd !== undefined && spec.cwd !== INSIDE.workspace) return undefined;
    const { kernels, startEnv } = this.#spares;
    const spare = kernels.take(spec.language, env, { ...BASE_ENV, ...startEnv });
    if (!spare) return undefined;
    this.#connection.retag(spare, spec.tag ?? "");
    if (spec.limits) await spare.limit(spec.limits);
    return spare;
  }

  async #save(dir: string, memoryApart: boolean): Promise<{ image: LiveImage; silentMs: number }> {
    const { folder, epoch } = this.#host;
    const most = (this.#state.shape.ramMb + 64) * MIB;
    const io = this.#state.copy?.io ?? join(folder, IO_NAME);
    const options = { folder, io, dir, memoryApart, most, stopped: this.#paused };
    const silentMs = await this.#ask((qmp) => saveLive(qmp, options));
    return { image: { dir, memoryApart, state: this.#state, epoch }, silentMs };
  }

  async #ask<T>(work: (qmp: Qmp) => Promise<T>): Promise<T> {
    const qmp = await openQmp(this.#host.folder);
    try {
      return await work(qmp);
    } finally {
      qmp.close();
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #refuseWhenOver(): void {
    if (this.#destroying || this.#detached) {
      throw new GloveboxError("unavailable", "The sandbox was destroyed or let go of");
    }
  }

  async #destroy(): Promise<void> {
    this.#settle({ kind: "destroyed" });
    if (this.#detached) return;
    await this.#bringBack().catch(() => {});
    await this.#connection.close();
    await freeHostSide(this.#host);
  }

  /** The host's folder holds what the sandbox made of it. A guest that hangs is not waited for. */
  async #bringBack(): Promise<void> {
    if (this.#paused) await this.#ask((qmp) => qmp.run("cont"));
    await this.#connection.ping(AbortSignal.timeout(LAST_PING_MS));
    const { workspaceDir, uid, diskMb } = this.#state;
    await exportWorkspace(this.files, workspaceDir, uid, diskMb * MIB);
  }
}
