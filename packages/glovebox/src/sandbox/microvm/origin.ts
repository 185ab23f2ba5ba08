import { join } from "node:path";
import { GloveboxError, toGloveboxError } from "../../core/index.ts";
import { FIRST_EPOCH } from "../bubblewrap/epoch.ts";
import type { SandboxSpec } from "../driver.ts";
import type { CopiedProcess, Nursery } from "./nursery.ts";
import type { MachineShape, MicrovmState } from "./record.ts";
import type { LiveImage } from "./sandbox.ts";
import { IMAGE_FILES } from "./save-live.ts";
import type { Template } from "./templates.ts";

/** What a sandbox goes on from. */
export type Origin = TemplateOrigin | { readonly kind: "live"; readonly image: LiveImage } | LiveProcess;

export interface TemplateOrigin {
  readonly kind: "template";
  readonly template: Template;
  readonly shape: MachineShape;
  readonly diskMb: number;
  /** Absent: from the template's files. */
  readonly nursery?: Nursery;
}

/** A machine in use, which stands still until its copies have been made. */
export interface LiveProcess {
  readonly kind: "process";
  readonly process: CopiedProcess;
  readonly state: MicrovmState;
  /** Of the connection that its agent knows last. */
  readonly epoch: bigint;
  /** Called once for each copy when there is nothing more to do to the process, whether or not there is a copy. */
  readonly onStarted: () => void;
}

/** What is the new sandbox's to say, and what its origin's. */
export interface Facts {
  readonly shape: MachineShape;
  readonly limits: SandboxSpec["limits"];
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: SandboxSpec["kernelOptions"];
  readonly network: boolean;
  readonly lineKey: Buffer;
  readonly epoch: bigint;
  /** To be copied as a process; absent: from the files. */
  readonly process?: CopiedProcess;
  /** Absent memory: it is in the state. */
  readonly files: { readonly state: string; readonly workspace: string; readonly memory?: string };
  readonly ownMemory: boolean;
}

/** Errors: `conflict` for a network where the origin has none. */
export function factsOf(origin: Origin, spec: SandboxSpec): Facts {
  if (origin.kind === "template") return factsOfTemplate(origin, spec);
  const { state, epoch } = origin.kind === "live" ? origin.image : origin;
  if (spec.network && !state.network) {
    throw new GloveboxError("conflict", "The machine was made without a network, and gets none");
  }
  const limit = (name: string) => Number(state.limitsApplied.find((applied) => applied.limit === name)?.requested ?? 0);
  return {
    shape: state.shape,
    limits: {
      cpus: limit("cpus"),
      memoryMb: limit("memoryMb"),
      pids: limit("pids"),
      openFiles: state.openFiles,
      diskMb: state.diskMb,
    },
    env: state.env,
    kernelOptions: state.kernelOptions,
    network: state.network,
    lineKey: Buffer.from(state.lineKey, "hex"),
    epoch,
    ...(origin.kind === "process" ? { process: origin.process } : {}),
    files: origin.kind === "live" ? filesOf(origin.image) : { state: "", workspace: "" },
    ownMemory: false,
  };
}

function factsOfTemplate({ template, shape, nursery }: TemplateOrigin, spec: SandboxSpec): Facts {
  const { limits, env, kernelOptions, forkable } = spec;
  const { memory, state, workspace } = template;
  const { lineKey, epoch } = nursery ?? { lineKey: template.lineKey, epoch: FIRST_EPOCH };
  const common = { shape, limits, env, network: spec.network !== undefined, lineKey, epoch };
  const process = nursery && { process: nursery.process };
  return { ...common, kernelOptions, files: { memory, state, workspace }, ownMemory: forkable ?? false, ...process };
}

function filesOf({ dir, memoryApart }: LiveImage): Facts["files"] {
  return {
    state: join(dir, IMAGE_FILES.state),
    workspace: join(dir, IMAGE_FILES.workspace),
    ...(memoryApart ? { memory: join(dir, IMAGE_FILES.memory) } : {}),
  };
}

/** Whether what a process could not give a copy for may still be had from files. */
export function isFileWorthy(error: unknown): boolean {
  return ["isolation_unavailable", "unavailable", "internal"].includes(toGloveboxError(error).code);
}
