import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { GloveboxError, isId, type Logger, silentLogger, toGloveboxError } from "../../core/index.ts";
import { connectAgent } from "../agent/index.ts";
import { letOut } from "../bubblewrap/driver.ts";
import { FIRST_EPOCH, nextEpoch, noteEpoch } from "../bubblewrap/epoch.ts";
import { handOver } from "../bubblewrap/hand-over.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import { offeredLanguages } from "../bubblewrap/offered-languages.ts";
import { withSocketPath } from "../bubblewrap/socket-path.ts";
import { sweepRunDir } from "../bubblewrap/sweep.ts";
import { UidRange } from "../bubblewrap/uid-range.ts";
import { type CgroupHost, detectCgroups, leaveHost, SandboxCgroup } from "../cgroup/index.ts";
import type {
  AttachOptions,
  IsolationDriver,
  ProbeResult,
  Sandbox,
  SandboxRecord,
  SandboxSpec,
  SweepReport,
} from "../driver.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { isAlive, Supervisor, SupervisorPool, type WaitingSupervisor } from "../supervisor/index.ts";
import { noteUids, releaseUids, reserveUids, takeUids, uidsInUse } from "./host-uids.ts";
import { planLimits } from "./limit-plan.ts";
import type { GvisorOptions } from "./options.ts";
import { isPaused } from "./paused.ts";
import { CONTAINER } from "./places.ts";
import { type PreparedHost, prepareHost } from "./prepare-host.ts";
import { probeByRunning } from "./probe.ts";
import { decodeRecord, type GvisorState, type HostUids } from "./record.ts";
import { runscCommand } from "./runsc.ts";
import { GvisorSandbox, type SandboxMaker } from "./sandbox.ts";
import { asOf, type CheckedSnapshot, readSnapshot, restoreWorkspace } from "./snapshot.ts";
import { startSandbox } from "./start.ts";

interface Ready {
  readonly host: PreparedHost;
  readonly cgroups: CgroupHost;
  readonly pool: SupervisorPool;
}

/** Sandboxes whose system calls a kernel in user space answers: gVisor's runsc, with the guest agent as first process. */
export class GvisorDriver implements IsolationDriver {
  readonly isolation = "gvisor" as const;
  readonly #options: Required<Omit<GvisorOptions, "uidBase" | "logger">>;
  readonly #logger: Logger;
  readonly #uids: UidRange;
  readonly #cgroupPrefix: string;
  readonly #live = new Set<string>();
  #readying: Promise<Ready> | undefined;

  constructor(options: GvisorOptions) {
    const runDir = resolve(options.runDir);
    this.#options = {
      runDir,
      nativeDir: options.nativeDir ?? defaultNativeDir(),
      kernelsDir: options.kernelsDir ?? join(repositoryRoot(), "kernels"),
      nodePath: options.nodePath ?? process.execPath,
      waiting: options.waiting ?? 1,
    };
    this.#logger = options.logger ?? silentLogger;
    this.#uids = options.uidBase === undefined ? UidRange.forRunDir(runDir) : new UidRange(options.uidBase);
    this.#cgroupPrefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return probeByRunning(this, this.#options, async () => (await this.#ready()).host, signal);
  }

  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#make(spec, undefined, signal);
  }

  async restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    const { host } = await this.#ready();
    return await this.#make(spec, await readSnapshot(dir, host, signal), signal);
  }

  async #make(asked: SandboxSpec, from: CheckedSnapshot | undefined, signal?: AbortSignal): Promise<Sandbox> {
    signal?.throwIfAborted();
    const spec = from ? asOf(from, asked) : asked;
    this.#refuseUnknown(spec);
    const { host, waiting } = await this.#takeWaiting(spec.id);
    const { supervisor, cgroup, folder: waitingFolder } = waiting;
    const uids = takeUids(this.#uids);
    const { nativeDir, runDir } = this.#options;
    const folder = join(runDir, spec.id);
    const memory = from?.kind === "memory" ? { image: from.image, network: from.data.network } : undefined;
    // An agent from a snapshot has its parent's latest epoch behind it.
    const epoch = from?.kind === "memory" ? BigInt(from.data.epoch) + 1n : FIRST_EPOCH;
    let side: HostSide = { supervisor, cgroup, folder: waitingFolder, epoch, ...this.#whenOver(spec.id, uids) };
    try {
      const plan = planLimits(spec.limits, cgroup, uids[1], spec.allowPartial, spec.network ? "proxy" : "none");
      if (from) await restoreWorkspace(from, spec.workspaceDir, nativeDir, signal);
      await handOver(spec.workspaceDir, uids[1], nativeDir);
      await noteUids(waitingFolder, uids);
      await noteEpoch(waitingFolder, epoch);
      renameSync(waitingFolder, folder);
      supervisor.moved(folder);
      side = { ...side, folder };
      const connection = await startSandbox({ spec, side, host, plan, uids, ...(memory && { memory }) }, signal);
      const state: GvisorState = {
        supervisor: supervisor.identity,
        cgroups: cgroup.places,
        uids,
        workspaceDir: spec.workspaceDir,
        limits: spec.limits,
        env: spec.env,
        ...(spec.kernelOptions ? { kernelOptions: spec.kernelOptions } : {}),
        limitsApplied: plan.applied,
        ...((memory?.network ?? spec.network) ? { network: true } : {}),
        ...(spec.network?.authority === undefined ? {} : { trusting: true }),
        ...(spec.packages === undefined ? {} : { packages: spec.packages }),
      };
      return new GvisorSandbox(spec.id, connection, side, state, this.#maker(host));
    } catch (error) {
      await freeHostSide(side);
      throw signal?.aborted ? new GloveboxError("cancelled", "Starting was cancelled", { cause: error }) : error;
    }
  }

  #maker(host: PreparedHost): SandboxMaker {
    return { host, restore: (snapshot, spec, signal) => this.#make(spec, snapshot, signal) };
  }

  async attach(record: SandboxRecord, options: AttachOptions = {}): Promise<Sandbox> {
    const { signal, network } = options;
    const state = decodeRecord(record);
    const { host } = await this.#ready();
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
      const paused = await isPaused(folder);
      if (paused) await runscCommand(folder, ["resume", CONTAINER]);
      const epoch = await nextEpoch(folder);
      const connection = await withSocketPath(folder, (socketPath) =>
        connectAgent({ socketPath, epoch, ...(signal ? { signal } : {}) }),
      );
      if (network) await letOut(connection, network);
      reserveUids(this.#uids, state.uids);
      const cgroup = SandboxCgroup.adopt(state.cgroups);
      const side: HostSide = { supervisor, cgroup, folder, epoch, ...this.#whenOver(record.id, state.uids) };
      if (paused) await runscCommand(folder, ["pause", CONTAINER]);
      return new GvisorSandbox(record.id, connection, side, state, this.#maker(host), paused);
    } catch (error) {
      this.#live.delete(record.id);
      if (!supervisor.alive) throw gone(String(error));
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
      // The sandbox's ids are mapped into a user namespace, which takes a right over all of them.
      if (process.getuid?.() !== 0) {
        throw new GloveboxError(
          "isolation_unavailable",
          "gVisor's runsc needs three user ids of the host for each sandbox, and only a server that runs as root may give them",
        );
      }
      await mkdir(runDir, { recursive: true, mode: 0o700 });
      const cgroups = detectCgroups();
      const host = await prepareHost(this.#options);
      // Sandboxes of an earlier server keep their uids, attached to or not.
      for (const uids of await uidsInUse(runDir)) reserveUids(this.#uids, uids);
      const { launch } = host;
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

  #whenOver(id: string, uids: HostUids): Pick<HostSide, "onFreed" | "onDetached"> {
    return {
      onFreed: () => {
        this.#live.delete(id);
        releaseUids(this.#uids, uids);
      },
      // It lives on, and so does its hold on the uids.
      onDetached: () => this.#live.delete(id),
    };
  }
}
