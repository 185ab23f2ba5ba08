import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { newId } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { letOut } from "../bubblewrap/driver.ts";
import { FIRST_EPOCH, noteEpoch } from "../bubblewrap/epoch.ts";
import { greet, type Starting } from "../bubblewrap/greet.ts";
import { handOver } from "../bubblewrap/hand-over.ts";
import { freeHostSide, type HostSide } from "../bubblewrap/host-side.ts";
import type { SandboxSpec } from "../driver.ts";
import { Gate } from "./gate.ts";
import { stopGofer } from "./gofer.ts";
import { noteUids, releaseUids, takeUids } from "./host-uids.ts";
import { launchRunsc } from "./launch.ts";
import { type LimitPlan, planLimits } from "./limit-plan.ts";
import { BUNDLE_NAME, GATED_NAME } from "./places.ts";
import type { HostUids } from "./record.ts";
import { renew } from "./renew.ts";
import type { RestoreShape } from "./restore-shape.ts";
import type { Room } from "./room.ts";
import { gatedRestoreCommand } from "./runsc-argv.ts";
import { type CheckedSnapshot, placeImage, restoreWorkspace } from "./snapshot.ts";

/** In the run folder: what is mounted as the workspace. It becomes the sandbox's. */
const WORKSPACE_NAME = "workspace";
/** How long runsc may take to the gate, milliseconds. */
const READY_MS = 30_000;

/** What of a snapshot with memory is restored, as which sandbox. */
export interface RestoreOrder {
  readonly from: Extract<CheckedSnapshot, { kind: "memory" }>;
  readonly spec: SandboxSpec;
  readonly epoch: bigint;
}

/** What a gated restore has become. */
export interface Restored {
  readonly connection: AgentConnection;
  readonly plan: LimitPlan;
  /** Its host side, but for what is to be done when it is freed. */
  readonly side: Omit<HostSide, "onFreed" | "onDetached">;
}

/**
 * A runsc that starts itself for a restore, and then waits at a gate: none of that depends on the checkpoint, nor on what is in the workspace. It has its
 * run folder, uids and an empty folder for a workspace.
 */
export class GatedRestore {
  readonly uids: HostUids;
  readonly #room: Room;
  readonly #side: HostSide;
  readonly #gate: Gate;
  /** Of the checkpoint that it will look for. */
  readonly #image: string;
  readonly #starting: Starting;

  private constructor(room: Room, side: HostSide, uids: HostUids, gate: Gate, image: string, starting: Starting) {
    this.#room = room;
    this.#side = side;
    this.uids = uids;
    this.#gate = gate;
    this.#image = image;
    this.#starting = starting;
    // Whoever waits for it hears of it, and nobody else has to.
    starting.going.catch(() => {});
  }

  /** Starts one. Resolves when runsc was told to start. The caller ends it with {@link finish} or {@link discard}. Errors: those of starting a sandbox. */
  static async begin(room: Room, shape: RestoreShape): Promise<GatedRestore> {
    const { supervisor, cgroup, folder: waitingFolder } = await room.pool.take();
    const id = newId();
    const uids = takeUids(room.uids);
    // So that a sweep knows its folder.
    room.live.add(id);
    const over = () => {
      room.live.delete(id);
      releaseUids(room.uids, uids);
    };
    let side: HostSide = {
      ...{ supervisor, cgroup, folder: waitingFolder, epoch: FIRST_EPOCH },
      ...{ onFreed: over, onDetached: over },
    };
    let gate: Gate | undefined;
    try {
      const { limits, packages, authority, network, outlive } = shape;
      const plan = planLimits(limits, cgroup, uids[1], true, "none");
      await noteUids(waitingFolder, uids);
      const folder = join(room.runDir, id);
      await rename(waitingFolder, folder);
      supervisor.moved(folder);
      side = { ...side, folder };
      const workspace = join(folder, WORKSPACE_NAME);
      const gated = join(folder, BUNDLE_NAME, GATED_NAME);
      await Promise.all([mkdir(workspace, { mode: 0o700 }), mkdir(gated, { recursive: true, mode: 0o755 })]);
      gate = await Gate.make(gated, uids[0]);
      const image = newId();
      const launch = {
        ...{ supervisor, folder, host: room.host, uids, plan, outlive, network, workspace },
        // That in the checkpoint holds, until the agent is told another.
        hostname: "glovebox",
        gated: true,
        ...(authority === undefined ? {} : { authority }),
        ...(packages === undefined ? {} : { packages: packages.dir }),
      };
      const starting = await launchRunsc(launch, gatedRestoreCommand(image));
      return new GatedRestore(room, side, uids, gate, image, starting);
    } catch (error) {
      gate?.close();
      await freeHostSide(side);
      throw error;
    }
  }

  get alive(): boolean {
    return this.#side.supervisor.alive;
  }

  /** Whether runsc came to the gate. False when it ended on the way, or takes longer than half a minute. */
  async ready(): Promise<boolean> {
    const late = new AbortController();
    const bound = AbortSignal.any([late.signal, AbortSignal.timeout(READY_MS)]);
    try {
      const reached = this.#gate.reached.then(() => true);
      return await Promise.race([reached, this.#side.supervisor.ended(bound).then(() => false)]);
    } finally {
      late.abort();
    }
  }

  /**
   * Makes it the sandbox of the order. On an error all of it is freed, and `onChanged` was called if the sandbox's workspace is not what it was. Errors: those
   * of starting a sandbox and of restoring a workspace.
   */
  async finish(order: RestoreOrder, onChanged: () => void, signal?: AbortSignal): Promise<Restored> {
    const { from, spec, epoch } = order;
    const { supervisor, cgroup, folder: before, onFreed, onDetached } = this.#side;
    const { nativeDir } = this.#room.host;
    let side = { supervisor, cgroup, folder: before, epoch };
    try {
      const plan = planLimits(spec.limits, cgroup, this.uids[1], spec.allowPartial, spec.network ? "proxy" : "none");
      const fill = async () => {
        await noteEpoch(side.folder, epoch);
        const workspace = { snapshot: from, nativeDir, folder: join(side.folder, WORKSPACE_NAME) };
        await restoreWorkspace(workspace, spec.workspaceDir, signal);
        onChanged();
        await handOver(spec.workspaceDir, this.uids[1], nativeDir);
      };
      const folder = join(this.#room.runDir, spec.id);
      await rename(before, folder);
      supervisor.moved(folder);
      side = { ...side, folder };
      await placeImage(from.image, folder, this.#image);
      // runsc reads all of the checkpoint before it looks for files, for which it asks its gofer.
      const gofer = await stopGofer(cgroup);
      if (!gofer) await fill();
      this.#gate.open();
      if (gofer) await fill();
      gofer?.[Symbol.dispose]();
      const connection = await greet(side, this.#starting, signal);
      try {
        await renew(connection, spec.id);
        if (spec.network) await letOut(connection, spec.network);
        this.#room.live.delete(basename(before));
        return { connection, plan, side };
      } catch (error) {
        await connection.close();
        throw error;
      }
    } catch (error) {
      this.#gate.close();
      await freeHostSide({ ...side, onFreed, onDetached });
      throw error;
    }
  }

  async discard(): Promise<void> {
    this.#gate.close();
    await freeHostSide(this.#side);
  }
}
