import { chmod, chown, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionLimits } from "../../core/index.ts";
import { newLineKey } from "../agent/index.ts";
import { FIRST_EPOCH } from "../bubblewrap/epoch.ts";
import type { WaitingSupervisor } from "../supervisor/index.ts";
import { applyLimits, machineSize } from "./limit-plan.ts";
import { discard, greetAgent, type MachineRoom, specOf } from "./machines.ts";
import type { MachineShape } from "./record.ts";
import { rehearseKernels } from "./rehearse.ts";
import { IMAGE_FILES } from "./save-live.ts";
import { sparseCopy } from "./sparse-copy.ts";
import { IO_NAME, resumeIn, startMachine, tellQemu } from "./start-machine.ts";
import type { Template } from "./templates.ts";

/** How long one may take from its template until it stands ready, milliseconds. */
const READY_MS = 60_000;
/** How often an end is looked for, milliseconds. */
const LOOK_MS = 5;
const MOST_LOOK_MS = 1_000;
/** Read-only for everybody: its disk is open in its process already, and none of its copies may change it. */
const SEALED = 0o400;

/** A QEMU that can be copied as a process while its guest stands still. */
export interface CopiedProcess {
  /** Its run folder, where its socket is. */
  readonly folder: string;
  readonly disk: string;
  /** Of its process, and therefore of all its copies. Absent: the server's. */
  readonly uid?: number;
  /** The folder of the host's by which it and its copies hand over state (`IO_NAME`). */
  readonly io: string;
}

/** What a nursery is made from. */
export interface NurseryWish {
  readonly template: Template;
  readonly shape: MachineShape;
  readonly limits: SessionLimits;
  readonly network: boolean;
}

/**
 * A copy of a template that stands still, with all the code translated that a first answer takes: what new sandboxes are copied from, as a
 * process. Its folder keeps the name of one that waits, which a sweep leaves alone while its supervisor lives.
 */
export class Nursery {
  readonly process: CopiedProcess;
  /** Key and epoch of the connection that its guest knows last. */
  readonly lineKey: Buffer;
  readonly epoch: bigint;
  readonly #waiting: WaitingSupervisor;

  private constructor(waiting: WaitingSupervisor, process: CopiedProcess, lineKey: Buffer, epoch: bigint) {
    this.#waiting = waiting;
    this.process = process;
    this.lineKey = lineKey;
    this.epoch = epoch;
  }

  /** Errors: those of starting a machine. */
  static async start(room: MachineRoom, wish: NurseryWish, signal: AbortSignal): Promise<Nursery> {
    const waiting = await room.pool.take();
    const uid = room.uids?.take();
    try {
      return await Nursery.#make(room, wish, waiting, uid, AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]));
    } catch (error) {
      await discard(waiting);
      if (uid !== undefined) room.uids?.release(uid);
      throw error;
    }
  }

  static async #make(
    room: MachineRoom,
    { template, shape, limits, network }: NurseryWish,
    waiting: WaitingSupervisor,
    uid: number | undefined,
    signal: AbortSignal,
  ): Promise<Nursery> {
    const { folder, cgroup } = waiting;
    const disk = join(folder, IMAGE_FILES.workspace);
    applyLimits(limits, machineSize(limits, network), cgroup, uid, true, "none");
    await sparseCopy(template.workspace, disk);
    const memory = { kind: "file", path: template.memory, shared: false } as const;
    const spec = await specOf(room, shape, { workspace: disk, memory, state: template.state, copied: true });
    signal.throwIfAborted();
    await startMachine(room.host, waiting, spec, { uid, outlive: true });
    const epoch = FIRST_EPOCH + 1n;
    const [connection] = await Promise.all([
      greetAgent(waiting, { epoch, lineKey: template.lineKey, timeoutMs: READY_MS, signal }),
      resumeIn(folder, true),
    ]);
    const lineKey = newLineKey();
    await connection.renew({ hostname: "glovebox", key: lineKey });
    await rehearseKernels(connection, signal);
    await connection.close();
    await tellQemu(folder, "stop");
    if (uid !== undefined) await chown(disk, 0, 0);
    await chmod(disk, SEALED);
    const io = join(folder, IO_NAME);
    return new Nursery(waiting, { folder, disk, io, ...(uid === undefined ? {} : { uid }) }, lineKey, epoch);
  }

  get alive(): boolean {
    return this.#waiting.supervisor.alive;
  }

  /** Whether it ends by itself within that time, milliseconds. */
  async ends(withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs;
    while (this.alive && performance.now() < until) await sleep(LOOK_MS);
    return !this.alive;
  }

  /** Lets go of it: it ends at once, or with its last copy, and is then gone without a trace. Resolves then, or when `patience` aborts: a later sweep removes it. */
  async retire(uids: MachineRoom["uids"], patience: AbortSignal): Promise<void> {
    const { supervisor, cgroup, folder } = this.#waiting;
    supervisor.release();
    for (let pauseMs = LOOK_MS; supervisor.alive; pauseMs = Math.min(pauseMs * 2, MOST_LOOK_MS)) {
      if (patience.aborted) return;
      await sleep(pauseMs, undefined, { ref: false });
    }
    await cgroup.remove();
    await rm(folder, { recursive: true, force: true });
    if (this.process.uid !== undefined) uids?.release(this.process.uid);
  }
}
