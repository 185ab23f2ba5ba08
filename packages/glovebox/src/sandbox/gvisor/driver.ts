import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { GloveboxError, isId, type Logger, silentLogger, toGloveboxError } from "../../core/index.ts";
import { connectAgent } from "../agent/index.ts";
import { letOut } from "../bubblewrap/driver.ts";
import { nextEpoch } from "../bubblewrap/epoch.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import { offeredLanguages } from "../bubblewrap/offered-languages.ts";
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
import { isAlive, Supervisor, SupervisorPool, withSocketPath } from "../supervisor/index.ts";
import { GatedRestore } from "./gated-restore.ts";
import { releaseUids, reserveUids, uidsInUse } from "./host-uids.ts";
import { type MadeSandbox, makeSandbox, type SandboxOrder } from "./make-sandbox.ts";
import type { GvisorOptions } from "./options.ts";
import { isPaused } from "./paused.ts";
import { CONTAINER } from "./places.ts";
import { prepareHost } from "./prepare-host.ts";
import { probeByRunning } from "./probe.ts";
import { decodeRecord, type GvisorState, type HostUids } from "./record.ts";
import { type RestoreShape, shapeOf } from "./restore-shape.ts";
import type { Room } from "./room.ts";
import { runscCommand } from "./runsc.ts";
import { GvisorSandbox, type SandboxMaker } from "./sandbox.ts";
import { asOf, type CheckedSnapshot, readSnapshot } from "./snapshot.ts";
import { WaitingRestores } from "./waiting-restores.ts";

interface Ready {
  readonly room: Room;
  readonly cgroups: CgroupHost;
  readonly restores: WaitingRestores;
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
      waitingRestores: options.waitingRestores ?? 1,
    };
    this.#logger = options.logger ?? silentLogger;
    this.#uids = options.uidBase === undefined ? UidRange.forRunDir(runDir) : new UidRange(options.uidBase);
    this.#cgroupPrefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return probeByRunning(this, this.#options, async () => (await this.#ready()).room.host, signal);
  }

  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#make(spec, undefined, signal);
  }

  async restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    const { room } = await this.#ready();
    return await this.#make(spec, await readSnapshot(dir, room.host, signal), signal);
  }

  async #make(asked: SandboxSpec, from: CheckedSnapshot | undefined, signal?: AbortSignal): Promise<Sandbox> {
    signal?.throwIfAborted();
    const spec = from ? asOf(from, asked) : asked;
    this.#refuseUnknown(spec);
    try {
      const { room, restores } = await this.#ready();
      const network = from?.kind === "memory" ? from.data.network : spec.network !== undefined;
      const shape = () => shapeOf(spec, network, room.runDir);
      const whenOver = (uids: HostUids) => this.#whenOver(spec.id, uids);
      const made = await restores.during(() => makeSandbox({ room, restores, spec, from, shape, whenOver }, signal));
      const maker = this.#maker(room, restores, shape);
      if (from?.kind === "memory") maker.expectRestore();
      return new GvisorSandbox(spec.id, made.connection, made.side, stateOf(spec, made, network), maker);
    } catch (error) {
      this.#live.delete(spec.id);
      throw signal?.aborted ? new GloveboxError("cancelled", "Starting was cancelled", { cause: error }) : error;
    }
  }

  #maker({ host }: Room, restores: WaitingRestores, shape: SandboxOrder["shape"]): SandboxMaker {
    return {
      host,
      restore: (snapshot, spec, signal) => this.#make(spec, snapshot, signal),
      expectRestore: () => restores.want(shape),
    };
  }

  async attach(record: SandboxRecord, options: AttachOptions = {}): Promise<Sandbox> {
    const { signal, network } = options;
    const state = decodeRecord(record);
    const { room, restores } = await this.#ready();
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
      const { network: hasNetwork = false, ...rest } = state;
      const maker = this.#maker(room, restores, () =>
        shapeOf({ ...rest, ...(network && { network }) }, hasNetwork, room.runDir),
      );
      return new GvisorSandbox(record.id, connection, side, state, maker, paused);
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

  /** Resolves when the restores that are expected wait, if no sandbox is being started. */
  async settled(): Promise<void> {
    await (await this.#ready()).restores.settled();
  }

  /** Ends the restores that wait, and frees what they hold; others wait when they are expected again. */
  async shrink(): Promise<void> {
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.restores.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.restores[Symbol.asyncDispose]();
    await ready?.room.pool[Symbol.asyncDispose]();
    if (ready) leaveHost(ready.cgroups);
  }

  #ready(): Promise<Ready> {
    this.#readying ??= this.#makeReady();
    return this.#readying;
  }

  async #makeReady(): Promise<Ready> {
    const { runDir, waiting, waitingRestores } = this.#options;
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
      const logger = this.#logger;
      const pool = new SupervisorPool({ runDir, cgroups, cgroupPrefix, waiting, logger, launch });
      const room = { runDir, host, pool, uids: this.#uids, live: this.#live, logger };
      const begin = (shape: RestoreShape) => GatedRestore.begin(room, shape);
      return { room, cgroups, restores: new WaitingRestores({ most: waitingRestores, begin, logger }) };
    } catch (error) {
      this.#readying = undefined;
      throw toGloveboxError(error, "isolation_unavailable");
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

function stateOf(spec: SandboxSpec, made: MadeSandbox, network: boolean): GvisorState {
  const { limits, env, kernelOptions, packages, workspaceDir } = spec;
  const { supervisor, cgroup } = made.side;
  return {
    supervisor: supervisor.identity,
    cgroups: cgroup.places,
    uids: made.uids,
    workspaceDir,
    limits,
    env,
    ...(kernelOptions ? { kernelOptions } : {}),
    limitsApplied: made.plan.applied,
    ...(network ? { network: true } : {}),
    ...(spec.network?.authority === undefined ? {} : { trusting: true }),
    ...(packages === undefined ? {} : { packages }),
  };
}
