import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { mkdir, realpath } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { GloveboxError, isId, type Logger, silentLogger, toGloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent } from "../agent/index.ts";
import { type CgroupHost, detectCgroups, leaveHost, SandboxCgroup } from "../cgroup/index.ts";
import type {
  AttachOptions,
  IsolationDriver,
  ProbeResult,
  Sandbox,
  SandboxNetwork,
  SandboxRecord,
  SandboxSpec,
  SweepReport,
} from "../driver.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { isAlive, Supervisor, SupervisorPool, type WaitingSupervisor, withSocketPath } from "../supervisor/index.ts";
import { removeTree } from "../trees/index.ts";
import { bwrapArgv } from "./bwrap-argv.ts";
import { FIRST_EPOCH, nextEpoch } from "./epoch.ts";
import { forwarderSockets } from "./forwarder-sockets.ts";
import { greet } from "./greet.ts";
import { handOver } from "./hand-over.ts";
import { freeHostSide, type HostSide } from "./host-side.ts";
import { FDS } from "./inside.ts";
import { type LimitPlan, planLimits } from "./limit-plan.ts";
import { offeredLanguages } from "./offered-languages.ts";
import type { BubblewrapOptions } from "./options.ts";
import { type PreparedHost, prepareHost } from "./prepare-host.ts";
import { probeByRunning } from "./probe.ts";
import { type BubblewrapState, decodeRecord } from "./record.ts";
import { BubblewrapSandbox } from "./sandbox.ts";
import { type Family, restoreWorkspace } from "./snapshot.ts";
import { continueStopped, goOn } from "./standstill.ts";
import { sweepRunDir, uidsInUse } from "./sweep.ts";
import { writeTrust } from "./trust.ts";
import { UidRange } from "./uid-range.ts";

/** How long a new sandbox may take until its agent answers, milliseconds. */
const START_TIMEOUT_MS = 10_000;

interface Ready {
  readonly host: PreparedHost;
  readonly cgroups: CgroupHost;
  readonly pool: SupervisorPool;
}

/** Sandboxes of Linux namespaces, seccomp and cgroups, made by bubblewrap, with the guest agent as first process. */
export class BubblewrapDriver implements IsolationDriver {
  readonly isolation = "bubblewrap" as const;
  readonly #options: Required<Omit<BubblewrapOptions, "uidBase" | "logger">>;
  readonly #logger: Logger;
  readonly #uids: UidRange | undefined;
  readonly #cgroupPrefix: string;
  readonly #live = new Set<string>();
  #readying: Promise<Ready> | undefined;

  constructor(options: BubblewrapOptions) {
    this.#options = {
      runDir: resolve(options.runDir),
      nativeDir: options.nativeDir ?? defaultNativeDir(),
      kernelsDir: options.kernelsDir ?? join(repositoryRoot(), "kernels"),
      nodePath: options.nodePath ?? process.execPath,
      waiting: options.waiting ?? 2,
    };
    this.#logger = options.logger ?? silentLogger;
    const { runDir } = this.#options;
    const uids = options.uidBase === undefined ? UidRange.forRunDir(runDir) : new UidRange(options.uidBase);
    this.#uids = process.getuid?.() === 0 ? uids : undefined;
    this.#cgroupPrefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
  }

  /** Compiles, detects, and keeps supervisors waiting. Optional: the first `create` does it, too. */
  async warm(): Promise<void> {
    await (await this.#ready()).pool.fill();
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return probeByRunning(this, this.#options, async () => (await this.#ready()).cgroups, signal);
  }

  async create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    signal?.throwIfAborted();
    this.#refuseUnknown(spec);
    const { host, waiting } = await this.#takeWaiting(spec.id);
    const { supervisor, cgroup, folder: waitingFolder } = waiting;
    const uid = this.#uids?.take();
    const folder = join(this.#options.runDir, spec.id);
    let side: HostSide = {
      supervisor,
      cgroup,
      folder: waitingFolder,
      epoch: FIRST_EPOCH,
      ...this.#whenOver(spec.id, uid),
    };
    try {
      const plan = planLimits(spec.limits, cgroup, uid, spec.allowPartial, spec.network ? "proxy" : "none");
      if (uid !== undefined) await handOver(spec.workspaceDir, uid, this.#options.nativeDir);
      renameSync(waitingFolder, folder);
      supervisor.moved(folder);
      side = { ...side, folder };
      const connection = await this.#start(spec, side, host, plan, uid, signal);
      const state: BubblewrapState = {
        supervisor: supervisor.identity,
        cgroups: cgroup.places,
        openFiles: spec.limits.openFiles,
        watched: plan.watch.memoryBytes !== undefined,
        env: spec.env,
        ...(spec.kernelOptions ? { kernelOptions: spec.kernelOptions } : {}),
        limitsApplied: plan.applied,
        ...(spec.network ? { network: true } : {}),
        workspace: spec.workspaceDir,
        ...(uid === undefined ? {} : { uid }),
      };
      return new BubblewrapSandbox(spec.id, connection, side, state, this.#family());
    } catch (error) {
      await freeHostSide(side);
      throw signal?.aborted ? new GloveboxError("cancelled", "Starting was cancelled", { cause: error }) : error;
    }
  }

  async attach(record: SandboxRecord, options: AttachOptions = {}): Promise<Sandbox> {
    const { signal, network } = options;
    const state = decodeRecord(record);
    await this.#ready();
    const gone = (why: string) => new GloveboxError("not_found", `The sandbox ${record.id} is gone: ${why}`);
    if (this.#live.has(record.id)) throw new GloveboxError("conflict", `The sandbox ${record.id} is attached already`);
    if (!isAlive(state.supervisor)) throw gone("its supervisor ended");
    if (network && !state.network) {
      throw new GloveboxError("conflict", `The sandbox ${record.id} was made without a network`);
    }
    const folder = join(this.#options.runDir, record.id);
    this.#live.add(record.id);
    const supervisor = Supervisor.adopt(state.supervisor, folder);
    try {
      // A server that was killed while a snapshot was taken has left it standing still.
      const stopped = await goOn(state.cgroups, folder);
      const epoch = await nextEpoch(folder);
      const connection = await withSocketPath(folder, (socketPath) =>
        connectAgent({ socketPath, epoch, ...(signal ? { signal } : {}) }),
      );
      if (stopped) await continueStopped(connection, folder);
      if (network) await letOut(connection, network);
      if (state.uid !== undefined) this.#uids?.reserve(state.uid);
      const cgroup = SandboxCgroup.adopt(state.cgroups);
      const side: HostSide = { supervisor, cgroup, folder, epoch, ...this.#whenOver(record.id, state.uid) };
      return new BubblewrapSandbox(record.id, connection, side, state, this.#family());
    } catch (error) {
      this.#live.delete(record.id);
      if (!supervisor.alive) throw gone(String(error));
      throw error;
    }
  }

  /** Errors: also `permission_denied` and `resource_exhausted`, as of `restoreTree`. */
  async restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    const { nativeDir } = this.#options;
    await restoreWorkspace({ dir, workspace: spec.workspaceDir, nativeDir, signal });
    try {
      return await this.create(spec, signal);
    } catch (error) {
      await removeTree(spec.workspaceDir);
      throw error;
    }
  }

  async sweep(known: ReadonlySet<string>): Promise<SweepReport> {
    const { cgroups } = await this.#ready();
    const keep = new Set([...known, ...this.#live]);
    return sweepRunDir(this.#options.runDir, keep, cgroups, this.#cgroupPrefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.pool[Symbol.asyncDispose]();
    if (ready) leaveHost(ready.cgroups);
  }

  #ready(): Promise<Ready> {
    this.#readying ??= this.#makeReady();
    return this.#readying;
  }

  async #makeReady(): Promise<Ready> {
    const { runDir, waiting } = this.#options;
    try {
      await mkdir(runDir, { recursive: true, mode: 0o700 });
      const cgroups = detectCgroups();
      const host = await prepareHost(this.#options, this.#uids !== undefined, cgroups.missing.memory === undefined);
      // Sandboxes of an earlier server keep their uids, attached to or not.
      for (const uid of await uidsInUse(runDir)) this.#uids?.reserve(uid);
      const launch = host.launch;
      const cgroupPrefix = this.#cgroupPrefix;
      const pool = new SupervisorPool({ runDir, cgroups, cgroupPrefix, waiting, logger: this.#logger, launch });
      return { host, cgroups, pool };
    } catch (error) {
      this.#readying = undefined;
      throw toGloveboxError(error, "isolation_unavailable");
    }
  }

  async #takeWaiting(id: string): Promise<{ host: PreparedHost; waiting: WaitingSupervisor }> {
    try {
      const { host, pool } = await this.#ready();
      return { host, waiting: await pool.take() };
    } catch (error) {
      this.#live.delete(id);
      throw error;
    }
  }

  #refuseUnknown(spec: SandboxSpec): void {
    if (!isId(spec.id)) throw new GloveboxError("invalid_argument", `Not a sandbox id: ${spec.id}`);
    if (this.#live.has(spec.id)) throw new GloveboxError("already_exists", `The sandbox ${spec.id} exists`);
    const offered = offeredLanguages(this.#options.kernelsDir, this.#options.nodePath);
    const missing = spec.languages.filter((language) => !offered.includes(language));
    if (missing.length > 0) {
      throw new GloveboxError("language_unavailable", `Not installed on this host: ${missing.join(", ")}`, {
        details: { languages: missing },
      });
    }
    this.#live.add(spec.id);
  }

  /** Starts bwrap in the waiting supervisor and greets the agent. A start that fails says what bwrap said. */
  async #start(
    spec: SandboxSpec,
    side: HostSide,
    host: PreparedHost,
    plan: LimitPlan,
    uid: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AgentConnection> {
    // Where it is mounted from, the links on the way to it lead elsewhere.
    const workspace = await realpath(spec.workspaceDir);
    const { network, packages } = spec;
    const trust = network?.authority === undefined ? {} : { trust: await writeTrust(side.folder, network.authority) };
    const { sources, binds } = await host.mounts({
      workspace,
      ...(network && { network: trust }),
      ...(packages !== undefined && { packages: await realpath(packages) }),
    });
    const sockets = network ? forwarderSockets() : [];
    const argv = bwrapArgv({
      bwrap: host.bwrap,
      sources,
      network: network !== undefined,
      tmpBytes: plan.tmpBytes,
      shmBytes: plan.shmBytes,
      ...(plan.nproc === undefined ? {} : { nproc: plan.nproc }),
    });
    const going = side.supervisor.go({
      ...(uid === undefined ? {} : { uid, gid: uid }),
      ...(plan.cpuCount === undefined ? {} : { cpus: someCpus(plan.cpuCount) }),
      outlive: spec.outliveServer ?? true,
      binds,
      fds: [...Object.values(FDS), ...sockets.map(({ fd }) => fd)],
      argv,
      env: {},
      sockets,
    });
    const starting = { what: "bubblewrap", going, timeoutMs: START_TIMEOUT_MS };
    const connection = await greet(side, starting, signal);
    void connection.watch(plan.watch).catch(() => {});
    if (network) await letOut(connection, network);
    return connection;
  }

  #family(): Family {
    const { nativeDir } = this.#options;
    return { nativeDir, restore: (dir, spec, signal) => this.restore(dir, spec, signal) };
  }

  #whenOver(id: string, uid: number | undefined): Pick<HostSide, "onFreed" | "onDetached"> {
    return {
      onFreed: () => {
        this.#live.delete(id);
        if (uid !== undefined) this.#uids?.release(uid);
      },
      // It lives on, and so does its hold on the uid.
      onDetached: () => this.#live.delete(id),
    };
  }
}

/** Hands the connections of programs to `network`, or closes the one to the agent. */
export async function letOut(connection: AgentConnection, network: SandboxNetwork): Promise<void> {
  try {
    await connection.forward((made) => network.accept(made));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

let nextCpu = 0;

/** `count` CPUs, other ones each time, so that sandboxes do not crowd on the first. */
export function someCpus(count: number): number[] {
  const total = availableParallelism();
  const first = nextCpu;
  nextCpu = (nextCpu + count) % total;
  return Array.from({ length: Math.min(count, total) }, (_, index) => (first + index) % total);
}
