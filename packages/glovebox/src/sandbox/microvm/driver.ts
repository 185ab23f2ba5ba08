import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError, isId, type Logger, silentLogger, toGloveboxError } from "../../core/index.ts";
import { nextEpoch } from "../bubblewrap/epoch.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
import { sweepRunDir, uidsInUse } from "../bubblewrap/sweep.ts";
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
import { isPaused } from "../gvisor/paused.ts";
import { defaultImagesDir, type Images, openImages } from "../images/index.ts";
import { KERNEL_OPTIONS_ENV } from "../kernel/index.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { isAlive, Supervisor, SupervisorPool } from "../supervisor/index.ts";
import type { Accelerator } from "./accelerator.ts";
import { beginMachine } from "./begin-machine.ts";
import { chooseAccelerator } from "./choose-accelerator.ts";
import type { LiveOrigin } from "./fork-live.ts";
import { machineSize } from "./limit-plan.ts";
import { buildTemplate, discard, greetAgent, type MachineRoom } from "./machines.ts";
import { Nurseries } from "./nurseries.ts";
import { defaultCacheDir, type MicrovmOptions } from "./options.ts";
import { isFileWorthy, type Origin, type TemplateOrigin } from "./origin.ts";
import { Orphans } from "./orphans.ts";
import { prepareHost } from "./prepare-host.ts";
import { offered, type Prepared, probeByRunning } from "./probe.ts";
import { decodeRecord, type MachineShape } from "./record.ts";
import { restoreSnapshot } from "./restore.ts";
import { type MicrovmRoom, MicrovmSandbox } from "./sandbox.ts";
import { letOut } from "./settle-in.ts";
import { distinctKernels, startEnv } from "./spare-kernels.ts";
import { tellQemu } from "./start-machine.ts";
import { type Template, TemplateStore, type TemplateWish } from "./templates.ts";

const ATTACH_MS = 10_000;
/** How long a probe waits for what has never been made on this host: nobody sits before a `doctor` for minutes. */
const PREPARE_MS = 45_000;

interface Ready extends MachineRoom {
  readonly cgroups: CgroupHost;
  readonly accelerator: Accelerator;
  readonly templates: TemplateStore;
  /** Absent: machines are made from files only. */
  readonly nurseries: Nurseries | undefined;
}

/** Machines of their own kernel, emulated or virtualized by QEMU, with the guest agent as their first process. */
export class MicrovmDriver implements IsolationDriver {
  readonly isolation = "microvm" as const;
  readonly #options: Required<Omit<MicrovmOptions, "uidBase" | "logger" | "images">>;
  readonly #logger: Logger;
  readonly #uids: UidRange | undefined;
  readonly #cgroupPrefix: string;
  readonly #images: Images;
  readonly #live = new Set<string>();
  readonly #orphans: Orphans;
  readonly #closing = new AbortController();
  #readying: Promise<Ready> | undefined;
  #preparing: Promise<Prepared> | undefined;

  constructor(options: MicrovmOptions) {
    const cacheDir = resolve(options.cacheDir ?? defaultCacheDir());
    this.#options = {
      runDir: resolve(options.runDir),
      cacheDir,
      nativeDir: options.nativeDir ?? defaultNativeDir(),
      kernelsDir: options.kernelsDir ?? join(repositoryRoot(), "kernels"),
      nodePath: options.nodePath ?? process.execPath,
      image: options.image ?? "base",
      waiting: options.waiting ?? 1,
      templateBytes: options.templateBytes ?? 4 * 2 ** 30,
      copies: options.copies ?? "process",
    };
    this.#logger = options.logger ?? silentLogger;
    const { runDir } = this.#options;
    this.#orphans = new Orphans(runDir);
    const uids = options.uidBase === undefined ? UidRange.forRunDir(runDir) : new UidRange(options.uidBase);
    this.#uids = process.getuid?.() === 0 ? uids : undefined;
    this.#cgroupPrefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
    this.#images =
      options.images ??
      openImages({ dir: defaultImagesDir(), definitionsDir: join(repositoryRoot(), "images"), logger: this.#logger });
  }

  /** Downloads, builds, detects, and keeps a supervisor waiting. Optional: the first `create` does it, too. */
  async warm(): Promise<void> {
    await (await this.#ready()).pool.fill();
  }

  /** Resolves when nothing is being made any more that others begin from. */
  async settled(): Promise<void> {
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.templates.settled();
    await ready?.nurseries?.settled();
  }

  /** Lets go of the processes that stand ready for templates, and of the memory that they hold; they are made again at need. */
  async shrink(): Promise<void> {
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.nurseries?.clear();
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return probeByRunning(this, this.#options, () => this.#preparedSoon(), signal);
  }

  async create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#withId(spec, signal, async (room) => {
      const wish = await this.#wishFor(spec, room, signal);
      const template = await this.#templateFor(wish, room);
      const origin: TemplateOrigin = {
        kind: "template",
        template,
        shape: wish.shape,
        diskMb: wish.diskMb,
      };
      return this.#copyOr(origin, spec, room, signal);
    });
  }

  async restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return restoreSnapshot(dir, spec, signal, {
      compatibility: async () => (await this.#ready()).host.compatibility,
      begin: (image, wanted, stop) => this.#beginFrom({ kind: "live", image }, wanted, stop),
      create: (wanted, stop) => this.create(wanted, stop),
    });
  }

  /** A machine that is gone, or that does not answer in ten seconds, is ended: nobody will ask for it again. Errors: `not_found` then. */
  async attach(record: SandboxRecord, options: AttachOptions = {}): Promise<Sandbox> {
    const { signal, network } = options;
    const state = decodeRecord(record);
    await this.#ready();
    if (this.#live.has(record.id)) throw new GloveboxError("conflict", `The sandbox ${record.id} is attached already`);
    if (network && !state.network) {
      throw new GloveboxError("conflict", `The sandbox ${record.id} was made without a network`);
    }
    const folder = join(this.#options.runDir, record.id);
    this.#live.add(record.id);
    const supervisor = Supervisor.adopt(state.supervisor, folder);
    const cgroup = SandboxCgroup.adopt(state.cgroups);
    const waiting = { supervisor, cgroup, folder };
    try {
      if (!isAlive(state.supervisor)) throw new GloveboxError("not_found", "its supervisor ended");
      // Also one that a killed server stopped to save it.
      await tellQemu(folder, "cont", ATTACH_MS);
      const epoch = await nextEpoch(folder);
      const lineKey = Buffer.from(state.lineKey, "hex");
      const connection = await greetAgent(waiting, {
        epoch,
        lineKey,
        timeoutMs: ATTACH_MS,
        ...(signal ? { signal } : {}),
      });
      if (network) await letOut(connection, network);
      if (state.uid !== undefined) this.#uids?.reserve(state.uid);
      if (state.copy) this.#orphans.watch(state.copy.io);
      const side: HostSide = { ...waiting, epoch, ...this.#whenOver(record.id, state.uid) };
      const paused = await isPaused(folder);
      if (paused) await tellQemu(folder, "stop", ATTACH_MS);
      return new MicrovmSandbox(record.id, connection, side, state, await this.#room(), { paused });
    } catch (error) {
      if (!signal?.aborted) await discard(waiting);
      this.#live.delete(record.id);
      if (signal?.aborted) throw error;
      throw new GloveboxError("not_found", `The sandbox ${record.id} is gone: ${toGloveboxError(error).message}`, {
        cause: error,
      });
    }
  }

  async sweep(known: ReadonlySet<string>): Promise<SweepReport> {
    // Without a run folder there is nothing, and no reason to download a kernel.
    const cgroups = (await this.#readying?.catch(() => undefined))?.cgroups ?? detectCgroups();
    return sweepRunDir(this.#options.runDir, new Set([...known, ...this.#live]), cgroups, this.#cgroupPrefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#preparing?.catch(() => undefined);
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.templates.settled();
    await Promise.all([ready?.nurseries?.[Symbol.asyncDispose](), this.#orphans[Symbol.asyncDispose]()]);
    await ready?.pool[Symbol.asyncDispose]();
    if (ready) leaveHost(ready.cgroups);
  }

  /** What is being downloaded and built goes on, also when nobody waits for it any more. */
  async #preparedSoon(): Promise<Prepared> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
    const late = new AbortController();
    try {
      const patience = sleep(PREPARE_MS, undefined, { signal: late.signal, ref: false });
      const prepared = await Promise.race([this.#preparing, patience]);
      if (prepared) return prepared;
      const why =
        "What machines are made from (a kernel, a root image) is being made for the first time, in some minutes";
      throw new GloveboxError("isolation_unavailable", `${why}; ask again`);
    } finally {
      late.abort();
    }
  }

  async #prepare(): Promise<Prepared> {
    const { accelerator, host } = await this.#ready();
    const image = await this.#images.ensure(this.#options.image, { signal: this.#closing.signal });
    return { accelerator, host, image };
  }

  #ready(): Promise<Ready> {
    this.#readying ??= this.#makeReady();
    return this.#readying;
  }

  async #makeReady(): Promise<Ready> {
    const { runDir, cacheDir, waiting, templateBytes } = this.#options;
    try {
      await mkdir(runDir, { recursive: true, mode: 0o700 });
      const cgroups = detectCgroups();
      const host = await prepareHost(this.#options, this.#uids !== undefined, this.#closing.signal);
      for (const uid of await uidsInUse(runDir)) this.#uids?.reserve(uid);
      const pool = new SupervisorPool({
        runDir,
        cgroups,
        cgroupPrefix: this.#cgroupPrefix,
        waiting,
        logger: this.#logger,
        launch: host.launch,
      });
      const room: MachineRoom = { host, pool, cacheDir, uids: this.#uids, rootOf: (image) => this.#rootOf(image) };
      const accelerator = await chooseAccelerator(room, this.#options.cacheDir);
      const templates = new TemplateStore({
        dir: join(cacheDir, "templates"),
        mostBytes: templateBytes,
        compatibility: host.compatibility,
        logger: this.#logger,
        build: (wish, dir) => buildTemplate(room, wish, dir),
      });
      // Under KVM a process has what no copy of it could go on with.
      const copies = accelerator === "tcg" && this.#options.copies === "process";
      const nurseries = copies ? new Nurseries(room, this.#logger) : undefined;
      return { ...room, cgroups, accelerator, templates, nurseries };
    } catch (error) {
      this.#readying = undefined;
      throw toGloveboxError(error, "isolation_unavailable");
    }
  }

  /** Path of the root image with exactly that content. Errors: `snapshot_incompatible` when it was built anew since. */
  async #rootOf({ name, id }: MachineShape["image"]): Promise<string> {
    const image = await this.#images.ensure(name);
    if (image.id === id) return image.rootfs;
    throw new GloveboxError(
      "snapshot_incompatible",
      `The image ${name} is no longer the one that the machine was made from`,
    );
  }

  async #wishFor(spec: SandboxSpec, { accelerator }: Ready, signal?: AbortSignal): Promise<TemplateWish> {
    const image = await this.#images.ensure(spec.image ?? this.#options.image, signal ? { signal } : {});
    const missing = spec.languages.filter((language) => !offered(image.languages).includes(language));
    if (missing.length > 0) {
      throw new GloveboxError("language_unavailable", `Not in the image ${image.name}: ${missing.join(", ")}`, {
        details: { languages: missing },
      });
    }
    const { limits, kernelOptions, packages } = spec;
    const { cpus, ramMb, words } = machineSize(limits, spec.network !== undefined);
    const forKernels = kernelOptions ? { [KERNEL_OPTIONS_ENV]: JSON.stringify(kernelOptions) } : {};
    return {
      shape: {
        accelerator,
        cpus,
        ramMb,
        words,
        image: { name: image.name, id: image.id },
        ...(packages === undefined ? {} : { packages }),
      },
      diskMb: limits.diskMb,
      openFiles: limits.openFiles,
      kernels: distinctKernels(spec.languages),
      startEnv: startEnv({ ...spec.env, ...forKernels }),
    };
  }

  /** The one with the kernels running, if it is there; else the bare one, while the other is made for those who come later. */
  async #templateFor(wish: TemplateWish, { templates }: Ready): Promise<Template> {
    const found = await templates.find(wish);
    if (found) return found;
    const bare = await templates.get({ ...wish, kernels: [], startEnv: {} });
    if (wish.kernels.length > 0 && !this.#closing.signal.aborted) {
      templates
        .get(wish)
        .catch((error: unknown) => this.#logger.warn({ error: String(error) }, "no warm template could be made"));
    }
    return bare;
  }

  async #room(): Promise<MicrovmRoom> {
    const { host } = await this.#ready();
    return {
      compatibility: host.compatibility,
      begin: (origin, spec, signal) => this.#beginFrom(origin, spec, signal),
    };
  }

  #beginFrom(origin: LiveOrigin, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#withId(spec, signal, (room) => this.#begin(origin, spec, room, signal));
  }

  /** A copy of the process that stands ready for the template, or one from its files. */
  async #copyOr(origin: TemplateOrigin, spec: SandboxSpec, room: Ready, signal?: AbortSignal): Promise<Sandbox> {
    const { template, shape } = origin;
    const nursery = room.nurseries?.take({ template, shape, limits: spec.limits, network: spec.network !== undefined });
    if (!nursery) return this.#begin(origin, spec, room, signal);
    try {
      return await this.#begin({ ...origin, nursery }, spec, room, signal);
    } catch (error) {
      if (signal?.aborted || !isFileWorthy(error)) throw error;
      await room.nurseries?.failed(template.key);
      this.#logger.warn({ error: String(error) }, "a machine could not be copied as a process, and comes from files");
      return this.#begin(origin, spec, room, signal);
    }
  }

  async #begin(origin: Origin, spec: SandboxSpec, room: Ready, signal?: AbortSignal): Promise<Sandbox> {
    const uid = this.#uids?.take();
    const over = this.#whenOver(spec.id, uid);
    try {
      // Of a fork or a restored sandbox there is none yet.
      await mkdir(spec.workspaceDir, { recursive: true, mode: 0o700 });
      const begun = await beginMachine(room, origin, spec, {
        uid,
        runDir: this.#options.runDir,
        ...(signal ? { signal } : {}),
      });
      const side: HostSide = { ...begun.waiting, epoch: begun.epoch, ...over };
      return new MicrovmSandbox(spec.id, begun.connection, side, begun.state, await this.#room(), {
        startEnv: begun.startEnv,
      });
    } catch (error) {
      if (uid !== undefined) this.#uids?.release(uid);
      throw error;
    }
  }

  /** Holds the id while `work` makes its sandbox, and after that for as long as it lives. */
  async #withId(
    spec: SandboxSpec,
    signal: AbortSignal | undefined,
    work: (room: Ready) => Promise<Sandbox>,
  ): Promise<Sandbox> {
    signal?.throwIfAborted();
    if (!isId(spec.id)) throw new GloveboxError("invalid_argument", `Not a sandbox id: ${spec.id}`);
    if (this.#live.has(spec.id)) throw new GloveboxError("already_exists", `The sandbox ${spec.id} exists`);
    this.#live.add(spec.id);
    try {
      return await work(await this.#ready());
    } catch (error) {
      this.#live.delete(spec.id);
      throw signal?.aborted ? new GloveboxError("cancelled", "Starting was cancelled", { cause: error }) : error;
    }
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
