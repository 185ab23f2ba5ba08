import { type AppliedLimit, GloveboxError, isId, type SessionLimits } from "../../core/index.ts";
import { areCgroups } from "../bubblewrap/record.ts";
import type { CgroupPlace } from "../cgroup/index.ts";
import type { KernelOptions, SandboxRecord } from "../driver.ts";
import type { ProcessIdentity } from "../supervisor/index.ts";

/** What a machine is made of that a snapshot of it must find again. */
export interface GuestShape {
  readonly cpus: number;
  readonly ramMb: number;
  /** The words of `native/init`. */
  readonly words: readonly string[];
  /** The root image's name and content. */
  readonly image: { readonly name: string; readonly id: string };
  /** Host folder of packages. */
  readonly packages?: string;
}

/** What of a sandbox goes on in its copies. */
export interface GuestFacts {
  readonly shape: GuestShape;
  readonly limits: SessionLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly network: boolean;
}

/** What a later server needs to find a sandbox again. */
export interface FirecrackerState extends GuestFacts {
  readonly supervisor: ProcessIdentity;
  readonly cgroups: readonly CgroupPlace[];
  /** The session's own on the host. */
  readonly uid: number;
  /** Name of the program, which is in the jail's path. */
  readonly program: string;
  readonly workspaceDir: string;
  readonly limitsApplied: readonly AppliedLimit[];
}

const LIMITS = ["cpus", "memoryMb", "pids", "openFiles", "diskMb"] as const;

export function encodeRecord(id: string, state: FirecrackerState): SandboxRecord {
  return { version: 1, isolation: "firecracker", id, data: { ...state } };
}

/** Errors: `invalid_argument` for a record that is not one of ours; it comes from the store, but is not trusted blindly. */
export function decodeRecord(record: SandboxRecord): FirecrackerState {
  const data = record.data as Partial<FirecrackerState>;
  const { supervisor, uid, program } = data;
  const sound =
    record.version === 1 &&
    record.isolation === "firecracker" &&
    isId(record.id) &&
    supervisor !== undefined &&
    Number.isSafeInteger(supervisor.pid) &&
    supervisor.pid > 1 &&
    Number.isSafeInteger(supervisor.startTime) &&
    typeof supervisor.bootId === "string" &&
    areCgroups(data.cgroups) &&
    Number.isSafeInteger(uid) &&
    Number(uid) > 0 &&
    typeof program === "string" &&
    /^[\w.+-]{1,64}$/.test(program) &&
    typeof data.workspaceDir === "string" &&
    Array.isArray(data.limitsApplied) &&
    areFacts(data);
  if (!sound) throw new GloveboxError("invalid_argument", "The record is not that of a Firecracker machine");
  return data as FirecrackerState;
}

/** Whether a value read from a record or a snapshot describes a machine that this version can make. */
export function areFacts(value: unknown): value is GuestFacts {
  const { shape, limits, env, kernelOptions, network } = (value ?? {}) as Partial<GuestFacts>;
  return (
    isShape(shape) &&
    isObject(limits) &&
    LIMITS.every((name) => Number.isFinite(limits[name]) && Number(limits[name]) > 0) &&
    isObject(env) &&
    Object.values(env).every((text) => typeof text === "string") &&
    (kernelOptions === undefined || isObject(kernelOptions)) &&
    typeof network === "boolean"
  );
}

function isShape(value: unknown): value is GuestShape {
  if (!isObject(value)) return false;
  const { cpus, ramMb, words, image, packages } = value as Partial<GuestShape>;
  return (
    Number.isSafeInteger(cpus) &&
    Number.isSafeInteger(ramMb) &&
    Array.isArray(words) &&
    words.every((word) => typeof word === "string" && /^[a-z]+(=\d+)?$/.test(word)) &&
    typeof image?.id === "string" &&
    typeof image.name === "string" &&
    (packages === undefined || typeof packages === "string")
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
