import type { AppliedLimit, Isolation, Language, SandboxConnection, SessionLimits } from "../core/index.ts";
import type { SandboxFiles } from "./files.ts";
import type { SandboxProcess, SpawnSpec } from "./process.ts";
import type { ForkReport, PauseOptions, SnapshotManifest, SnapshotOptions } from "./snapshot.ts";

/** What a driver can do, as data; asking for what it cannot gives `not_supported_by_isolation`. */
export interface DriverCapabilities {
  readonly snapshot: "none" | "files" | "memory";
  readonly fork: "none" | "files" | "memory";
  readonly pause: boolean;
  readonly tty: boolean;
  readonly network: boolean;
  /** Whether `spawn` takes programs (`argv`), or only kernels. */
  readonly programs: boolean;
  /** Whether its sandboxes live on when the server dies, and can be attached to again. */
  readonly outlivesServer: boolean;
  /**
   * `host`: the workspace folder is what the sandbox works in, at any time. `guest`: it has a disk of its own, to which the folder is copied
   * at `create` and which is copied back at `destroy`.
   */
  readonly workspace: "host" | "guest";
  readonly languages: readonly Language[];
  readonly limits: readonly (keyof SessionLimits)[];
}

/** What `probe` found by really starting something in a sandbox. */
export type ProbeResult =
  | {
      readonly available: true;
      readonly version: string;
      readonly capabilities: DriverCapabilities;
      /** Milliseconds from asking for a sandbox to the first answer of a program in it. */
      readonly startMs: number;
      /** What each language said of itself, of a driver that asked already: see `doctor`. */
      readonly versions?: Readonly<Partial<Record<Language, string>>>;
      /** Of a driver that boots guests: whether one was seen to boot with hardware virtualization. */
      readonly kvm?: boolean;
      /** What works less well here than it could, in a sentence each. */
      readonly notes: readonly string[];
    }
  | { readonly available: false; readonly version?: string; readonly reason: string };

/** Kernel behaviour that the template decides. Only JavaScript kernels heed it today. */
export interface KernelOptions {
  readonly esm?: boolean;
  readonly strict?: boolean;
  readonly console?: "events" | "stdio" | "off";
  readonly resolver?: {
    readonly roots: readonly string[];
    readonly extensions: readonly string[];
    readonly allowAbsoluteRepoImports: boolean;
  };
  /** `isolate`: host modules offered by name (`fs`, `exec`, `database`) with their configuration. */
  readonly modules?: Readonly<Record<string, unknown>>;
  /** `isolate`: sources of libraries by the global name each is offered under. */
  readonly libraries?: Readonly<Record<string, string>>;
}

/** Where a sandbox finds the packages of its template. */
export const PACKAGES_DIR = "/glovebox/packages";
/** PATH in a sandbox, where neither session nor execution says another. */
export const SANDBOX_PATH = "/glovebox/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

export interface SandboxSpec {
  /** UUIDv7; also the name of its run folder and cgroup. */
  readonly id: string;
  /** Host folder that becomes `/workspace`. The driver hands it to the sandbox's uid. */
  readonly workspaceDir: string;
  readonly limits: SessionLimits;
  /** Start although a limit cannot be applied, and report it in `limitsApplied`. */
  readonly allowPartial: boolean;
  /** The whole environment of programs in the sandbox, beyond what the driver itself sets (PATH, HOME, LANG). */
  readonly env: Readonly<Record<string, string>>;
  readonly languages: readonly Language[];
  readonly kernelOptions?: KernelOptions;
  /** Host folder with installed packages, mounted read-only at {@link PACKAGES_DIR}. */
  readonly packages?: string;
  /** Name of its root image, for isolations that have them. Default: the driver's. */
  readonly image?: string;
  /** Prepare for `fork`, where that makes the first one faster and costs a little memory. Default false. */
  readonly forkable?: boolean;
  /** The only way out of the sandbox. Absent: there is none. */
  readonly network?: SandboxNetwork;
  /** Whether the sandbox goes on when the server dies. Default true where the driver can. */
  readonly outliveServer?: boolean;
}

/** What the driver needs to carry connections out of a sandbox, and does: it decides nothing. */
export interface SandboxNetwork {
  /** Takes over each connection that a program makes to the forwarder on the sandbox's loopback (`PROXY_PORT`), or that is redirected to it. */
  accept(connection: SandboxConnection): void;
  /** PEM certificate that programs shall trust besides the system's: in the bundle at `INSIDE.caBundle`, and alone at `INSIDE.authority`. */
  readonly authority?: string;
}

/** How a sandbox came to its end. */
export type SandboxEnd =
  | { readonly kind: "destroyed" }
  | { readonly kind: "oom" }
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "protocol"; readonly message: string };

export interface SandboxStats {
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly pids: number;
  readonly diskBytes: number;
}

/** JSON from which a new server process finds the sandbox again. Versioned, apart from the live object. */
export interface SandboxRecord {
  readonly version: 1;
  readonly isolation: Isolation;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  readonly isolation: Isolation;
  readonly limitsApplied: readonly AppliedLimit[];
  readonly record: SandboxRecord;
  readonly files: SandboxFiles;
  /** Starts a program, or the kernel of a language. Fails with a {@link GloveboxError}. */
  spawn(spec: SpawnSpec, signal?: AbortSignal): Promise<SandboxProcess>;
  /** The processes that the sandbox held when it was attached to; empty after `create`. */
  readonly attached: readonly SandboxProcess[];
  /** How often memory ran out in the sandbox so far (the kernel's count, or the watchdog's). */
  oomKills(): Promise<number>;
  stats(signal?: AbortSignal): Promise<SandboxStats>;
  /**
   * Writes its state into a new host folder; the sandbox goes on. Afterwards the folder is the caller's: to move, keep and delete.
   * Errors: `not_supported_by_isolation` (also for a `kind` that the driver cannot), `already_exists`, `resource_exhausted` (no space
   * left: the folder is removed and the sandbox goes on), `unavailable` when it has ended.
   */
  snapshot(options: SnapshotOptions): Promise<SnapshotManifest>;
  /**
   * Makes one new sandbox for each spec: with the same files, and where the driver can (`DriverCapabilities.fork`) the same memory and
   * running processes, which are then in `attached` with the output that was not acknowledged yet. Ids, workspace folder (empty before), network and
   * `outliveServer` are the spec's; limits, languages, environment, packages and kernel options are the parent's, whatever it says. All or none; the parent is unharmed either way.
   */
  fork(specs: readonly SandboxSpec[], signal?: AbortSignal): Promise<ForkReport<Sandbox>>;
  /** Stops it: nothing inside runs, and calls wait or fail with `unavailable` until `resume`. Idempotent. */
  pause(options?: PauseOptions): Promise<void>;
  /** Lets it go on, with its clock set and its random state renewed when the memory was released. Idempotent. */
  resume(signal?: AbortSignal): Promise<void>;
  /** Resolves once the sandbox is gone, for whatever reason; never rejects. */
  readonly ended: Promise<SandboxEnd>;
  /** Kills everything in it and frees all that it held on the host, except the workspace. Idempotent. */
  destroy(): Promise<void>;
  /** Lets go of it without ending it (the server shuts down; the sandbox goes on). Idempotent. */
  detach(): Promise<void>;
}

export interface AttachOptions {
  /** As in {@link SandboxSpec}: connections of before are gone, new ones are carried again. */
  readonly network?: SandboxNetwork;
  readonly signal?: AbortSignal;
}

export interface SweepReport {
  /** What was removed, one line each. */
  readonly removed: readonly string[];
}

/** The code behind one isolation. */
export interface IsolationDriver extends AsyncDisposable {
  readonly isolation: Isolation;
  /** Starts something and reports what it saw. Never throws. */
  probe(signal?: AbortSignal): Promise<ProbeResult>;
  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>;
  /**
   * Makes a new sandbox from the folder of a snapshot, as `Sandbox.fork` makes one from its parent; the folder is only read. Its clock,
   * random state (the kernel's and the languages') and ids are new.
   * Errors: `snapshot_corrupt`, `snapshot_incompatible`, `not_supported_by_isolation`.
   */
  restore(dir: string, spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>;
  /** Finds a sandbox that outlived its server. `not_found` when it is gone. */
  attach(record: SandboxRecord, options?: AttachOptions): Promise<Sandbox>;
  /** Removes processes, cgroups, sockets and folders of sandboxes whose id is not in `known`. */
  sweep(known: ReadonlySet<string>): Promise<SweepReport>;
  /** Gives back memory of what it keeps ready for sandboxes to come, since the host is short of it. Such things are made again at need. Not there: it keeps none. */
  shrink?(): Promise<void>;
}
