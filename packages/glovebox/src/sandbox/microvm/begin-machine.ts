import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, newLineKey } from "../agent/index.ts";
import { FIRST_EPOCH } from "../bubblewrap/epoch.ts";
import type { SandboxSpec } from "../driver.ts";
import type { WaitingSupervisor } from "../supervisor/index.ts";
import { applyLimits, machineSize } from "./limit-plan.ts";
import type { Memory } from "./machine.ts";
import { discard, greetAgent, type MachineRoom, machineName, nameFolder, specOf } from "./machines.ts";
import type { MachineShape, MicrovmState } from "./record.ts";
import type { LiveImage } from "./sandbox.ts";
import { IMAGE_FILES } from "./save-live.ts";
import { settleIn } from "./settle-in.ts";
import { sparseCopy } from "./sparse-copy.ts";
import { goOn, openQmp, startMachine } from "./start-machine.ts";
import type { Template } from "./templates.ts";

/** How long a machine that goes on may take until its agent answers, milliseconds. */
const GO_ON_MS = 30_000;

/** What a sandbox goes on from. */
export type Origin =
  | { readonly kind: "template"; readonly template: Template; readonly shape: MachineShape; readonly diskMb: number }
  | { readonly kind: "live"; readonly image: LiveImage };

export interface BegunMachine {
  readonly waiting: WaitingSupervisor;
  readonly connection: AgentConnection;
  readonly state: MicrovmState;
  readonly epoch: bigint;
  readonly startEnv: Readonly<Record<string, string>>;
}

export interface BeginOptions {
  readonly uid: number | undefined;
  readonly runDir: string;
  readonly signal?: AbortSignal;
}

/** Starts a machine from a template or an image, and makes it one of its own: clock, random state, name, key, limits, network, workspace. */
export async function beginMachine(
  room: MachineRoom,
  origin: Origin,
  spec: SandboxSpec,
  options: BeginOptions,
): Promise<BegunMachine> {
  const { uid, signal } = options;
  const before = factsOf(origin, spec);
  let waiting = await room.pool.take();
  try {
    const { cgroup, supervisor } = waiting;
    const network = spec.network ? "proxy" : "none";
    const size = machineSize(before.limits, before.network);
    const limitsApplied = applyLimits(before.limits, size, cgroup, uid, spec.allowPartial, network);
    waiting = nameFolder(waiting, join(options.runDir, spec.id));
    const epoch = before.epoch + 1n;
    await writeFile(join(waiting.folder, "epoch"), String(epoch), { mode: 0o600 });
    const { memory, memoryApart } = await placeFiles(before, waiting.folder);
    const machine = await specOf(room, before.shape, {
      workspace: join(waiting.folder, IMAGE_FILES.workspace),
      memory,
      state: before.files.state,
    });
    signal?.throwIfAborted();
    await startMachine(room.host, waiting, machine, { uid, outlive: spec.outliveServer ?? true });
    const [connection] = await Promise.all([
      greetAgent(waiting, { epoch, lineKey: before.lineKey, timeoutMs: GO_ON_MS, ...(signal ? { signal } : {}) }),
      resumeIn(waiting, memoryApart).catch(() => {
        // Why it did not go on is in what QEMU said, which the greeting reports.
      }),
    ]);
    const lineKey = newLineKey();
    await connection.renew({ hostname: machineName(spec.id), key: lineKey });
    await settleIn(connection, spec, { copy: origin.kind === "live", network: before.network }, signal);
    const state: MicrovmState = {
      supervisor: supervisor.identity,
      cgroups: cgroup.places,
      shape: before.shape,
      lineKey: lineKey.toString("hex"),
      workspaceDir: spec.workspaceDir,
      openFiles: before.limits.openFiles,
      diskMb: before.limits.diskMb,
      env: before.env,
      ...(before.kernelOptions ? { kernelOptions: before.kernelOptions } : {}),
      limitsApplied,
      forkable: memory.kind === "file" && memory.shared,
      network: before.network,
      ...(uid === undefined ? {} : { uid }),
    };
    return { waiting, connection, state, epoch, startEnv: origin.kind === "template" ? origin.template.startEnv : {} };
  } catch (error) {
    await discard(waiting);
    throw error;
  }
}

interface Facts {
  readonly shape: MachineShape;
  readonly limits: SandboxSpec["limits"];
  readonly env: Readonly<Record<string, string>>;
  readonly kernelOptions?: SandboxSpec["kernelOptions"];
  readonly network: boolean;
  readonly lineKey: Buffer;
  readonly epoch: bigint;
  /** Absent memory: it is in the state. */
  readonly files: { readonly state: string; readonly workspace: string; readonly memory?: string };
  readonly ownMemory: boolean;
}

/** What is the new sandbox's to say, and what its origin's. Errors: `conflict` for a network where the origin has none. */
function factsOf(origin: Origin, spec: SandboxSpec): Facts {
  if (origin.kind === "template") {
    const { template, shape } = origin;
    const { limits, env, kernelOptions } = spec;
    const { lineKey, memory, state, workspace } = template;
    const common = { shape, limits, env, network: spec.network !== undefined, lineKey, epoch: FIRST_EPOCH };
    const ownMemory = spec.forkable ?? false;
    return { ...common, kernelOptions, files: { memory, state, workspace }, ownMemory };
  }
  const { dir, memoryApart, state, epoch } = origin.image;
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
    files: {
      state: join(dir, IMAGE_FILES.state),
      workspace: join(dir, IMAGE_FILES.workspace),
      ...(memoryApart ? { memory: join(dir, IMAGE_FILES.memory) } : {}),
    },
    ownMemory: false,
  };
}

async function placeFiles(
  { files, ownMemory }: Facts,
  folder: string,
): Promise<{ memory: Memory; memoryApart: boolean }> {
  const own = join(folder, IMAGE_FILES.memory);
  await Promise.all([
    sparseCopy(files.workspace, join(folder, IMAGE_FILES.workspace)),
    ...(ownMemory && files.memory !== undefined ? [sparseCopy(files.memory, own)] : []),
  ]);
  if (files.memory === undefined) return { memory: { kind: "ram" }, memoryApart: false };
  return { memory: { kind: "file", path: ownMemory ? own : files.memory, shared: ownMemory }, memoryApart: true };
}

async function resumeIn({ folder }: WaitingSupervisor, memoryApart: boolean): Promise<void> {
  const qmp = await openQmp(folder);
  try {
    await goOn(qmp, memoryApart);
  } finally {
    qmp.close();
  }
}
