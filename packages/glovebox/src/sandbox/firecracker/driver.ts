import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError, isId, type Logger, silentLogger, toGloveboxError } from "../../core/index.ts";
import { connectAgent } from "../agent/index.ts";
import { nextEpoch } from "../bubblewrap/epoch.ts";
import type { HostSide } from "../bubblewrap/host-side.ts";
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
import { defaultImagesDir, type Image, type Images, openImages } from "../images/index.ts";
import { machineSize } from "../microvm/limit-plan.ts";
import { defaultCacheDir } from "../microvm/options.ts";
import { offered } from "../microvm/probe.ts";
import { letOut } from "../microvm/settle-in.ts";
import { packagesDisk } from "../microvm/squashfs.ts";
import { defaultNativeDir, repositoryRoot } from "../native/index.ts";
import { isAlive, Supervisor, SupervisorPool } from "../supervisor/index.ts";
import { beginMachine, type MachineRoom, type Origin } from "./begin-machine.ts";
import { guestProcessors, guestWords } from "./guest-words.ts";
import type { LiveImage } from "./image.ts";
import { Jail } from "./jail.ts";
import { jailRoot } from "./jail-paths.ts";
import { apiOf } from "./jailed-api.ts";
import type { GuestFiles } from "./machine.ts";
import { removeNetworkNamespace } from "./network-namespace.ts";
import type { FirecrackerOptions } from "./options.ts";
import { notedUids } from "./own-uid.ts";
import { type FirecrackerHost, type HostOptions, prepareHost } from "./prepare-host.ts";
import { type Prepared, probeByBooting } from "./probe.ts";
import { openGuest } from "./reach-agent.ts";
import { decodeRecord, type GuestFacts, type GuestShape } from "./record.ts";
import { restoreSnapshot } from "./restore.ts";
import { type FirecrackerRoom, FirecrackerSandbox } from "./sandbox.ts";

const ATTACH_MS = 10_000;
/** How long a probe waits for what has never been made on this host: nobody sits before a `doctor` for minutes. */
const PREPARE_MS = 15_000;

interface Ready extends MachineRoom {
  readonly cgroups: CgroupHost;
}

/** How the driver finds what machines are made from: `prepareHost`, or what a test puts in its place. */
export type Preparation = (options: HostOptions, signal: AbortSignal) => Promise<FirecrackerHost>;

/** Machines of their own kernel, virtualized by Firecracker under its jailer, with the guest agent as their first process. */
export class FirecrackerDriver implements IsolationDriver {
  readonly isolation = "firecracker" as const;
  readonly #options: Required<Omit<FirecrackerOptions, "uidBase" | "logger" | "images">>;
  readonly #logger: Logger;
  readonly #uids: UidRange;
  readonly #cgroupPrefix: string;
  readonly #images: Images;
  readonly #prepare: Preparation;
  readonly #live = new Set<string>();
  readonly #closing = new AbortController();
  #readying: Promise<Ready> | undefined;

  constructor(options: FirecrackerOptions, prepare: Preparation = prepareHost) {
    const runDir = resolve(options.runDir);
    this.#options = {
      runDir,
      cacheDir: resolve(options.cacheDir ?? defaultCacheDir()),
      nativeDir: options.nativeDir ?? defaultNativeDir(),
      kernelsDir: options.kernelsDir ?? join(repositoryRoot(), "kernels"),
      nodePath: options.nodePath ?? process.execPath,
      image: options.image ?? "base",
    };
    this.#prepare = prepare;
    this.#logger = options.logger ?? silentLogger;
    this.#uids = options.uidBase === undefined ? UidRange.forRunDir(runDir) : new UidRange(options.uidBase);
    this.#cgroupPrefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
    this.#images =
      options.images ??
      openImages({ dir: defaultImagesDir(), definitionsDir: join(repositoryRoot(), "images"), logger: this.#logger });
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return probeByBooting(this, this.#options.runDir, () => this.#preparedSoon(), signal);
  }

  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#withId(spec, signal, async (room) => {
      const image = await this.#images.ensure(spec.image ?? this.#options.image, signal ? { signal } : {});
      return this.#begin({ kind: "boot", facts: factsOf(spec, image) }, spec, room, signal);
    });
  }

  restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return restoreSnapshot(dir, spec, signal, {
      compatibility: async () => (await this.#ready()).host.compatibility,
      begin: (image, wanted, stop) => this.#beginFrom(image, wanted, stop),
      create: (wanted, stop) => this.create(wanted, stop),
    });
  }

  async attach(record: SandboxRecord, options: AttachOptions = {}): Promise<Sandbox> {
    const { signal, network } = options;
    const state = decodeRecord(record);
    const room = await this.#ready();
    const gone = (why: string) => new GloveboxError("not_found", `The sandbox ${record.id} is gone: ${why}`);
    if (this.#live.has(record.id)) throw new GloveboxError("conflict", `The sandbox ${record.id} is attached already`);
    if (!isAlive(state.supervisor)) throw gone("its supervisor ended");
    if (network && !state.network) {
      throw new GloveboxError("conflict", `The sandbox ${record.id} was made without a network`);
    }
    const folder = join(this.#options.runDir, record.id);
    this.#live.add(record.id);
    const supervisor = Supervisor.adopt(state.supervisor, folder);
    const cgroup = SandboxCgroup.adopt(state.cgroups);
    const jail = new Jail(jailRoot(folder, state.program, record.id), state.uid);
    try {
      const epoch = await nextEpoch(folder);
      const api = apiOf(jail);
      const paused = (await api.describe(signal ? { signal } : {})).state === "Paused";
      // A guest that stands still answers nobody.
      if (paused) await api.setState("Resumed");
      const open = (until: AbortSignal) => openGuest(jail, supervisor, until);
      const connection = await connectAgent({ open, epoch, timeoutMs: ATTACH_MS, ...(signal ? { signal } : {}) });
      if (network) await letOut(connection, network);
      this.#uids.reserve(state.uid);
      if (paused) await api.setState("Paused");
      const host: HostSide = { supervisor, cgroup, folder, epoch, ...this.#whenOver(record.id, state.uid) };
      return new FirecrackerSandbox(record.id, { connection, host, jail, state, room: this.#roomOf(room), paused });
    } catch (error) {
      this.#live.delete(record.id);
      if (!supervisor.alive) throw gone(String(error));
      throw error;
    }
  }

  async sweep(known: ReadonlySet<string>): Promise<SweepReport> {
    const { runDir } = this.#options;
    const keep = new Set([...known, ...this.#live]);
    // Without a run folder there is nothing, and no reason to download a kernel.
    const cgroups = (await this.#readying?.catch(() => undefined))?.cgroups ?? detectCgroups();
    for (const name of await readdir(runDir).catch(() => [])) {
      if (isId(name) && !keep.has(name)) await removeNetworkNamespace(join(runDir, name));
    }
    return sweepRunDir(runDir, keep, cgroups, this.#cgroupPrefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const ready = await this.#readying?.catch(() => undefined);
    await ready?.pool[Symbol.asyncDispose]();
    if (ready) leaveHost(ready.cgroups);
  }

  /** What is being downloaded and built goes on, also when nobody waits for it any more. */
  async #preparedSoon(): Promise<Prepared> {
    const late = new AbortController();
    const preparing = this.#ready().then(async ({ host }) => {
      const { languages } = await this.#images.ensure(this.#options.image, { signal: this.#closing.signal });
      return { host, languages };
    });
    preparing.catch(() => {});
    try {
      const patience = sleep(PREPARE_MS, undefined, { signal: late.signal, ref: false });
      const prepared = await Promise.race([preparing, patience]);
      if (prepared) return prepared;
      const what = "What machines are made from (a kernel, a root image) is being made for the first time";
      throw new GloveboxError("isolation_unavailable", `${what}, in some minutes; ask again`);
    } finally {
      late.abort();
    }
  }

  #ready(): Promise<Ready> {
    this.#readying ??= this.#makeReady();
    return this.#readying;
  }

  async #makeReady(): Promise<Ready> {
    const { runDir, cacheDir } = this.#options;
    try {
      const host = await this.#prepare(this.#options, this.#closing.signal);
      await mkdir(runDir, { recursive: true, mode: 0o700 });
      const cgroups = detectCgroups();
      for (const uid of await notedUids(runDir)) this.#uids.reserve(uid);
      const pool = new SupervisorPool({
        runDir,
        cgroups,
        cgroupPrefix: this.#cgroupPrefix,
        // None waits: what one saves is nothing beside the boot of a guest.
        waiting: 0,
        logger: this.#logger,
        launch: host.launch,
      });
      return { host, cgroups, pool, runDir, filesOf: (shape) => this.#filesOf(host, cacheDir, shape) };
    } catch (error) {
      this.#readying = undefined;
      throw toGloveboxError(error, "isolation_unavailable");
    }
  }

  /** Errors: `snapshot_incompatible` when the image was built anew since. */
  async #filesOf(host: FirecrackerHost, cacheDir: string, { image, packages }: GuestShape): Promise<GuestFiles> {
    const { id, rootfs } = await this.#images.ensure(image.name);
    if (id !== image.id) {
      throw new GloveboxError(
        "snapshot_incompatible",
        `The image ${image.name} is no longer the one that the machine was made from`,
      );
    }
    const { kernel, initramfs, tools } = host;
    const files = { kernel, initramfs, tools, root: rootfs };
    return packages === undefined ? files : { ...files, packages: await packagesDisk(cacheDir, packages) };
  }

  #roomOf({ host }: Ready): FirecrackerRoom {
    return { compatibility: host.compatibility, begin: (image, spec, signal) => this.#beginFrom(image, spec, signal) };
  }

  #beginFrom(image: LiveImage, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox> {
    return this.#withId(spec, signal, (room) => this.#begin({ kind: "image", image }, spec, room, signal));
  }

  async #begin(origin: Origin, spec: SandboxSpec, room: Ready, signal?: AbortSignal): Promise<Sandbox> {
    const uid = this.#uids.take();
    const over = this.#whenOver(spec.id, uid);
    try {
      const begun = await beginMachine(room, origin, spec, { uid, ...(signal ? { signal } : {}) });
      const { waiting, epoch, connection, jail, state } = begun;
      const host: HostSide = { ...waiting, epoch, ...over };
      return new FirecrackerSandbox(spec.id, { connection, host, jail, state, room: this.#roomOf(room) });
    } catch (error) {
      this.#uids.release(uid);
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

  #whenOver(id: string, uid: number): Pick<HostSide, "onFreed" | "onDetached"> {
    return {
      onFreed: () => {
        this.#live.delete(id);
        this.#uids.release(uid);
      },
      // It lives on, and so does its hold on the uid.
      onDetached: () => this.#live.delete(id),
    };
  }
}

/** Errors: `language_unavailable`. */
function factsOf(spec: SandboxSpec, image: Image): GuestFacts {
  const missing = spec.languages.filter((language) => !offered(image.languages).includes(language));
  if (missing.length > 0) {
    throw new GloveboxError("language_unavailable", `Not in the image ${image.name}: ${missing.join(", ")}`, {
      details: { languages: missing },
    });
  }
  const { limits, env, kernelOptions, packages } = spec;
  const { cpus, ramMb, words } = machineSize(limits, spec.network !== undefined);
  return {
    shape: {
      cpus: guestProcessors(cpus),
      ramMb,
      words: guestWords(words),
      image: { name: image.name, id: image.id },
      ...(packages === undefined ? {} : { packages }),
    },
    limits,
    env,
    ...(kernelOptions ? { kernelOptions } : {}),
    network: spec.network !== undefined,
  };
}
