import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AgentConnection, newLineKey } from "../agent/index.ts";
import type { SandboxSpec } from "../driver.ts";
import type { WaitingSupervisor } from "../supervisor/index.ts";
import { applyLimits, machineSize } from "./limit-plan.ts";
import { discard, greetAgent, type MachineRoom, machineName, nameFolder } from "./machines.ts";
import { type Facts, factsOf, type Origin } from "./origin.ts";
import type { MicrovmState } from "./record.ts";
import { settleIn } from "./settle-in.ts";
import { startCopy } from "./start-copy.ts";
import { startFromFiles } from "./start-from-files.ts";

/** How long a machine that goes on may take until its agent answers, milliseconds. */
const GO_ON_MS = 30_000;

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

/** What there is once a machine was started, before its guest runs. */
export interface StartedMachine {
  /** Has its guest go on. */
  readonly resume: () => Promise<void>;
  readonly forkable: boolean;
  /** Of a copy of a process: see `MicrovmState`. */
  readonly copy?: MicrovmState["copy"];
}

/** Starts a machine from a template, an image or a process, and makes it one of its own: clock, random state, name, key, limits, network, workspace. */
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
    const runsAs = before.process ? before.process.uid : uid;
    const limitsApplied = applyLimits(
      before.limits,
      size,
      cgroup,
      runsAs,
      spec.allowPartial,
      network,
      before.process !== undefined,
    );
    waiting = nameFolder(waiting, join(options.runDir, spec.id));
    const epoch = before.epoch + 1n;
    await writeFile(join(waiting.folder, "epoch"), String(epoch), { mode: 0o600 });
    signal?.throwIfAborted();
    const started = await start(room, before, waiting, spec, uid).finally(() => {
      if (origin.kind === "process") origin.onStarted();
    });
    const [connection] = await Promise.all([
      greetAgent(waiting, { epoch, lineKey: before.lineKey, timeoutMs: GO_ON_MS, ...(signal ? { signal } : {}) }),
      started.resume().catch(() => {
        // Why it did not go on is in what QEMU said, which the greeting reports.
      }),
    ]);
    const lineKey = newLineKey();
    await connection.renew({ hostname: machineName(spec.id), key: lineKey });
    await settleIn(connection, spec, { copy: origin.kind !== "template", network: before.network }, signal);
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
      forkable: started.forkable,
      network: before.network,
      ...(uid === undefined ? {} : { uid }),
      ...(started.copy ? { copy: started.copy } : {}),
    };
    return { waiting, connection, state, epoch, startEnv: origin.kind === "template" ? origin.template.startEnv : {} };
  } catch (error) {
    await discard(waiting);
    throw error;
  }
}

function start(
  room: MachineRoom,
  before: Facts,
  waiting: WaitingSupervisor,
  spec: SandboxSpec,
  uid: number | undefined,
): Promise<StartedMachine> {
  const options = { uid, outlive: spec.outliveServer ?? true };
  return before.process ? startCopy(before.process, waiting, options) : startFromFiles(room, before, waiting, options);
}
