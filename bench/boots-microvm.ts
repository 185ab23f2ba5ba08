/** Machines that boot, up to their agent's first answer and no further: nothing is saved or copied. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_LIMITS, silentLogger } from "../packages/glovebox/src/core/index.ts";
import { UidRange } from "../packages/glovebox/src/sandbox/bubblewrap/uid-range.ts";
import { detectCgroups, leaveHost } from "../packages/glovebox/src/sandbox/cgroup/index.ts";
import { defaultImagesDir, openImages } from "../packages/glovebox/src/sandbox/images/index.ts";
import { machineSize } from "../packages/glovebox/src/sandbox/microvm/limit-plan.ts";
import {
  bootMachine,
  discard,
  type MachineRoom,
  newMachine,
} from "../packages/glovebox/src/sandbox/microvm/machines.ts";
import { defaultCacheDir } from "../packages/glovebox/src/sandbox/microvm/options.ts";
import { prepareHost } from "../packages/glovebox/src/sandbox/microvm/prepare-host.ts";
import { defaultNativeDir, repositoryRoot } from "../packages/glovebox/src/sandbox/native/index.ts";
import { SupervisorPool } from "../packages/glovebox/src/sandbox/supervisor/index.ts";

/** Emulated machines of the default limits, without kernels. */
export class Boots implements AsyncDisposable {
  readonly #dir: string;
  readonly #room: MachineRoom;
  readonly #cgroups: ReturnType<typeof detectCgroups>;
  readonly #image: { readonly name: string; readonly id: string };

  private constructor(
    dir: string,
    room: MachineRoom,
    cgroups: ReturnType<typeof detectCgroups>,
    image: { name: string; id: string },
  ) {
    this.#dir = dir;
    this.#room = room;
    this.#cgroups = cgroups;
    this.#image = image;
  }

  static async open(): Promise<Boots> {
    const root = repositoryRoot();
    const cacheDir = defaultCacheDir();
    const asRoot = process.getuid?.() === 0;
    const places = {
      nativeDir: defaultNativeDir(),
      cacheDir,
      kernelsDir: join(root, "kernels"),
      nodePath: process.execPath,
    };
    const host = await prepareHost(places, asRoot);
    const images = openImages({ dir: defaultImagesDir(), definitionsDir: join(root, "images") });
    const image = await images.ensure("base");
    const dir = await mkdtemp(join(tmpdir(), "glovebox-bench-boot-"));
    const runDir = join(dir, "run");
    await mkdir(runDir, { mode: 0o700 });
    const cgroups = detectCgroups();
    const { launch } = host;
    const pool = new SupervisorPool({
      runDir,
      cgroups,
      cgroupPrefix: "bench-boot-",
      waiting: 1,
      logger: silentLogger,
      launch,
    });
    const uids = asRoot ? UidRange.forRunDir(runDir) : undefined;
    return new Boots(dir, { host, pool, cacheDir, uids, rootOf: async () => image.rootfs }, cgroups, image);
  }

  /** Milliseconds from the start of a machine's QEMU until its agent has greeted. Its disk is there before. */
  async boot(): Promise<number> {
    const { name, id } = this.#image;
    const { pool, uids } = this.#room;
    const shape = { ...machineSize(DEFAULT_LIMITS, false), accelerator: "tcg", image: { name, id } } as const;
    const waiting = await pool.take();
    const uid = uids?.take();
    try {
      const machine = await newMachine(this.#room, { shape, diskMb: DEFAULT_LIMITS.diskMb }, waiting);
      // Nothing of it is to be saved, so its memory is no file's.
      const unsaved = { ...machine, spec: { ...machine.spec, memory: { kind: "ram" } as const } };
      const start = performance.now();
      await using agent = await bootMachine(this.#room, unsaved, uid);
      await agent.connection.ping();
      return performance.now() - start;
    } finally {
      await discard(waiting);
      if (uid !== undefined) uids?.release(uid);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#room.pool[Symbol.asyncDispose]();
    leaveHost(this.#cgroups);
    await rm(this.#dir, { recursive: true, force: true });
  }
}
