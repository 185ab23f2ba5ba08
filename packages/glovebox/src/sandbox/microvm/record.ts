import { isAbsolute } from "node:path";
import { type AppliedLimit, GloveboxError, isId } from "../../core/index.ts";
import { areCgroups } from "../bubblewrap/record.ts";
import type { CgroupPlace } from "../cgroup/index.ts";
import type { KernelOptions, SandboxRecord } from "../driver.ts";
import type { ProcessIdentity } from "../supervisor/index.ts";
import type { Accelerator } from "./accelerator.ts";

/** What a machine is made of that a snapshot of it must find again. */
export interface MachineShape {
  readonly accelerator: Accelerator;
  readonly cpus: number;
  readonly ramMb: number;
  /** The words of `native/init`. */
  readonly words: readonly string[];
  /** The root image's name and content. */
  readonly image: { readonly name: string; readonly id: string };
  /** Host folder of packages. */
  readonly packages?: string;
}

/** What a later server needs to find a sandbox again. */
export interface MicrovmState {
  readonly supervisor: ProcessIdentity;
  readonly cgroups: readonly CgroupPlace[];
  readonly uid?: number;
  readonly shape: MachineShape;
  /** Hex: begins the connections to this machine's agent. */
  readonly lineKey: string;
  readonly workspaceDir: string;
  readonly openFiles: number;
  readonly diskMb: number;
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: KernelOptions;
  readonly limitsApplied: readonly AppliedLimit[];
  /** Whether its memory is in a file of its own, so that it is forked by copying that. */
  readonly forkable: boolean;
  readonly network: boolean;
  /** Of a copy of another's process, which can be copied in turn: the uid that both have, and the folder by which they hand over state. */
  readonly copy?: { readonly io: string; readonly uid?: number };
}

export function encodeRecord(id: string, state: MicrovmState): SandboxRecord {
  return { version: 1, isolation: "microvm", id, data: { ...state } };
}

/** Errors: `invalid_argument` for a record that is not one of ours; it comes from the store, but is not trusted blindly. */
export function decodeRecord(record: SandboxRecord): MicrovmState {
  const data = record.data as Partial<MicrovmState>;
  const { supervisor, uid } = data;
  const sound =
    record.version === 1 &&
    record.isolation === "microvm" &&
    isId(record.id) &&
    supervisor !== undefined &&
    Number.isSafeInteger(supervisor.pid) &&
    supervisor.pid > 1 &&
    Number.isSafeInteger(supervisor.startTime) &&
    typeof supervisor.bootId === "string" &&
    areCgroups(data.cgroups) &&
    (uid === undefined || (Number.isSafeInteger(uid) && uid > 0)) &&
    typeof data.lineKey === "string" &&
    /^[0-9a-f]{32}$/.test(data.lineKey) &&
    typeof data.workspaceDir === "string" &&
    (data.copy === undefined || isCopy(data.copy)) &&
    isShape(data.shape);
  if (!sound) throw new GloveboxError("invalid_argument", "The record is not that of a microVM");
  return data as MicrovmState;
}

function isCopy({ io, uid }: NonNullable<MicrovmState["copy"]>): boolean {
  return typeof io === "string" && isAbsolute(io) && (uid === undefined || (Number.isSafeInteger(uid) && uid > 0));
}

/** Whether a value read from a record or a snapshot describes a machine that this version can make. */
export function isShape(value: unknown): value is MachineShape {
  const shape = value as Partial<MachineShape> | null;
  return (
    typeof shape === "object" &&
    shape !== null &&
    (shape.accelerator === "kvm" || shape.accelerator === "tcg") &&
    Number.isSafeInteger(shape.cpus) &&
    Number.isSafeInteger(shape.ramMb) &&
    Array.isArray(shape.words) &&
    shape.words.every((word) => typeof word === "string" && /^[a-z]+(=\d+)?$/.test(word)) &&
    typeof shape.image?.id === "string" &&
    typeof shape.image.name === "string" &&
    (shape.packages === undefined || typeof shape.packages === "string")
  );
}
