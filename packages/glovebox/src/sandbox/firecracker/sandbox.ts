import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type AppliedLimit, GloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import { BASE_ENV, INSIDE } from "../bubblewrap/inside.ts";
import { watchEnd } from "../bubblewrap/watch-end.ts";
import type { Sandbox, SandboxEnd, SandboxRecord, SandboxSpec, SandboxStats } from "../driver.ts";
import type { SandboxFiles } from "../files.ts";
import { KERNEL_OPTIONS_ENV, kernelArgv } from "../kernel/index.ts";
import { exportWorkspace } from "../microvm/workspace.ts";
import type { SandboxProcess, SpawnSpec } from "../process.ts";
import { cannot } from "../snapshot/index.ts";
import type { ForkReport, PauseOptions, SnapshotManifest, SnapshotOptions } from "../snapshot.ts";
import type { LiveImage } from "./image.ts";
import type { Jail } from "./jail.ts";
import { apiOf } from "./jailed-api.ts";
import { removeNetworkNamespace } from "./network-namespace.ts";
import { encodeRecord, type FirecrackerState } from "./record.ts";
import { saveLive, snapshotInto } from "./save-live.ts";

/** How long a guest is asked for its workspace when it may hang, milliseconds, before it is ended without. */
const LAST_PING_MS = 2_000;
const MIB = 1 << 20;

/** What a sandbox asks of its driver. */
export interface FirecrackerRoom {
  readonly compatibility: Readonly<Record<string, string>>;
  /** Makes a sandbox that goes on from an image of this one. */
  begin(image: LiveImage, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>;
}

/** What a sandbox is made of. */
export interface FirecrackerParts {
  readonly connection: AgentConnection;
  readonly host: HostSide;
  readonly jail: Jail;
  readonly state: FirecrackerState;
  readonly room: FirecrackerRoom;
  /** Default false. */
  readonly paused?: boolean;
}

/** One live Firecracker machine. */
export class FirecrackerSandbox implements Sandbox {
  readonly id: string;
  readonly isolation = "firecracker" as const;
  readonly record: SandboxRecord;
  readonly ended: Promise<SandboxEnd>;
  readonly #parts: FirecrackerParts;
  readonly #settle: (end: SandboxEnd) => void;
  #destroying: Promise<void> | undefined;
  #detached = false;
  #paused: boolean;
  /** Saving and pausing take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(id: string, parts: FirecrackerParts) {
    this.id = id;
    this.#parts = parts;
    this.#paused = parts.paused ?? false;
    this.record = encodeRecord(id, parts.state);
    const { promise, resolve } = Promise.withResolvers<SandboxEnd>();
    this.ended = promise;
    this.#settle = resolve;
    void watchEnd({
      connection: parts.connection,
      host: parts.host,
      isOver: () => this.#detached || this.#destroying !== undefined,
      detach: () => this.detach(),
      settle: resolve,
    });
  }

  get limitsApplied(): readonly AppliedLimit[] {
    return this.#parts.state.limitsApplied;
  }

  get files(): SandboxFiles {
    return this.#parts.connection.files;
  }

  get attached(): readonly SandboxProcess[] {
    return this.#parts.connection.attached;
  }

  async spawn(spec: SpawnSpec, signal?: AbortSignal): Promise<SandboxProcess> {
    this.#refuseWhenOver();
    const program = spec.kind === "program";
    const argv = program ? spec.argv : kernelArgv(spec.language);
    if (!argv) throw new GloveboxError("language_unavailable", "The language has no kernel: compile and run it");
    if (argv.length === 0) throw new GloveboxError("invalid_argument", "argv is empty");
    const { env, kernelOptions, limits } = this.#parts.state;
    const forKernel = program || !kernelOptions ? {} : { [KERNEL_OPTIONS_ENV]: JSON.stringify(kernelOptions) };
    return this.#parts.connection.spawn(
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
    return (await this.#parts.connection.stats()).oomKills;
  }

  async stats(signal?: AbortSignal): Promise<SandboxStats> {
    const { memoryBytes, cpuMs, pids, diskBytes } = await this.#parts.connection.stats(signal);
    return { memoryBytes, cpuMs, pids, diskBytes };
  }

  snapshot(options: SnapshotOptions): Promise<SnapshotManifest> {
    const { compatibility } = this.#parts.room;
    const take = () => snapshotInto(options, this.files, compatibility, async (dir) => (await this.#save(dir)).image);
    return this.#inTurn(() => this.#awake(take));
  }

  fork(specs: readonly SandboxSpec[], signal?: AbortSignal): Promise<ForkReport<Sandbox>> {
    return this.#inTurn(async () => {
      const dir = join(this.#parts.host.folder, "fork");
      await mkdir(dir, { mode: 0o700 });
      const made: Sandbox[] = [];
      try {
        const { image, silentMs } = await this.#awake(() => this.#save(dir));
        const { room } = this.#parts;
        const begun = await Promise.allSettled(specs.map((spec) => room.begin(image, spec, signal)));
        for (const outcome of begun) if (outcome.status === "fulfilled") made.push(outcome.value);
        const failed = begun.find((outcome) => outcome.status === "rejected");
        if (failed) throw failed.reason;
        // All of them map the one file of memory, privately.
        return { sandboxes: made, path: "shared", silentMs };
      } catch (error) {
        await Promise.all(made.map((sandbox) => sandbox.destroy()));
        throw error;
      } finally {
        // Who began from it has links of its own.
        await rm(dir, { recursive: true, force: true });
      }
    });
  }

  /** With `release`: `not_supported_by_isolation`. Who wants the memory back takes a snapshot, destroys, and restores. */
  pause(options: PauseOptions = {}): Promise<void> {
    if (options.release) return Promise.reject(cannot(this.isolation, "pause"));
    return this.#inTurn(async () => {
      if (this.#paused) return;
      await apiOf(this.#parts.jail).setState("Paused");
      this.#paused = true;
    });
  }

  resume(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#paused) return;
      await apiOf(this.#parts.jail).setState("Resumed");
      this.#paused = false;
      await this.#parts.connection.setClock();
    });
  }

  destroy(): Promise<void> {
    this.#destroying ??= this.#destroy();
    return this.#destroying;
  }

  async detach(): Promise<void> {
    if (this.#detached || this.#destroying) return;
    this.#detached = true;
    const { connection, host } = this.#parts;
    await connection.close();
    host.supervisor.release();
    host.onDetached();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  async #save(dir: string): Promise<{ image: LiveImage; silentMs: number }> {
    const { jail, host, connection, state } = this.#parts;
    const { shape, limits, env, kernelOptions, network } = state;
    const facts = { shape, limits, env, network, ...(kernelOptions ? { kernelOptions } : {}) };
    const silentMs = await saveLive({ jail, supervisor: host.supervisor, connection, facts }, dir);
    return { image: { dir, facts, epoch: host.epoch }, silentMs };
  }

  /** One that stands still goes on for a moment: only a guest that runs can let go of its connection, or read its files. */
  async #awake<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#paused) return work();
    const api = apiOf(this.#parts.jail);
    await api.setState("Resumed");
    try {
      return await work();
    } finally {
      await api.setState("Paused");
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => {
      this.#refuseWhenOver();
      return work();
    });
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
    const { connection, host } = this.#parts;
    await this.#bringBack().catch(() => {});
    await connection.close();
    await host.supervisor.kill();
    await removeNetworkNamespace(host.folder);
    await freeHostSide(host);
  }

  /** The host's folder holds what the sandbox made of it. A guest that hangs is not waited for. */
  async #bringBack(): Promise<void> {
    const { connection, jail, state } = this.#parts;
    if (this.#paused) await apiOf(jail).setState("Resumed", { timeoutMs: LAST_PING_MS });
    await connection.ping(AbortSignal.timeout(LAST_PING_MS));
    await exportWorkspace(this.files, state.workspaceDir, state.uid, state.limits.diskMb * MIB);
  }
}
