import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, newId } from "../../core/index.ts";
import { type CgroupHost, SandboxCgroup } from "../cgroup/index.ts";
import { Launcher } from "./launcher.ts";
import { Supervisor, type SupervisorLaunch } from "./supervisor.ts";

/** A supervisor that has joined its cgroups and waits, with the run folder that will be its sandbox's. */
export interface WaitingSupervisor {
  readonly supervisor: Supervisor;
  readonly cgroup: SandboxCgroup;
  readonly folder: string;
}

export interface SupervisorPoolOptions {
  readonly runDir: string;
  readonly cgroups: CgroupHost;
  /** Begins the names of this run folder's cgroups. */
  readonly cgroupPrefix: string;
  /** How many wait. 0: each is started when asked for. */
  readonly waiting: number;
  readonly logger: Logger;
  readonly launch: (folder: string) => Omit<SupervisorLaunch, "folder">;
}

/** Run folders of supervisors that wait begin with this; those of sandboxes have the sandbox's id. */
export const WAITING_PREFIX = "waiting-";

/** In a run folder: the cgroups that go with it, for the sweep of a later server. */
export const CGROUPS_NAME = "cgroups.json";

/** So that filling up does not compete with the sandbox that is just being started. */
const REFILL_DELAY_MS = 15;

/**
 * Keeps supervisors ready, since joining cgroups takes milliseconds, and has a small process start them, since starting
 * one holds up a large process for milliseconds more: neither belongs on the way of a request.
 */
export class SupervisorPool implements AsyncDisposable {
  readonly #options: SupervisorPoolOptions;
  readonly #ready: WaitingSupervisor[] = [];
  /** Who keeps none ready starts few, and has no use for a process that starts them. */
  readonly #launcher: Launcher | undefined;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #filling: Promise<void> = Promise.resolve();

  constructor(options: SupervisorPoolOptions) {
    this.#options = options;
    if (options.waiting > 0) this.#launcher = new Launcher(options.runDir);
  }

  get size(): number {
    return this.#ready.length;
  }

  /** One that waits, or a new one. The caller owns it with its folder and cgroup. Errors: `isolation_unavailable`. */
  async take(): Promise<WaitingSupervisor> {
    for (let next = this.#ready.shift(); next; next = this.#ready.shift()) {
      this.#refillSoon();
      if (next.supervisor.waiting) return next;
      await this.#discard(next);
    }
    this.#refillSoon();
    return this.#start();
  }

  /** Fills up now; resolves when as many wait as should. */
  fill(): Promise<void> {
    this.#filling = this.#filling.then(async () => {
      while (!this.#closed && this.#ready.length < this.#options.waiting) {
        try {
          const made = await this.#start();
          if (this.#closed) await this.#discard(made);
          else this.#ready.push(made);
        } catch (error) {
          this.#options.logger.warn({ error: String(error) }, "no supervisor could be kept ready");
          return;
        }
      }
    });
    return this.#filling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#filling;
    await Promise.all(this.#ready.splice(0).map((waiting) => this.#discard(waiting)));
    await this.#launcher?.[Symbol.asyncDispose]();
  }

  #refillSoon(): void {
    if (this.#closed || this.#options.waiting === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.fill(), REFILL_DELAY_MS);
    this.#timer.unref();
  }

  async #start(): Promise<WaitingSupervisor> {
    const { runDir, cgroups, cgroupPrefix, launch } = this.#options;
    const slot = newId();
    const folder = join(runDir, `${WAITING_PREFIX}${slot}`);
    const cgroup = SandboxCgroup.create(cgroups, `${cgroupPrefix}${slot}`);
    try {
      await mkdir(folder, { mode: 0o700 });
      await writeFile(join(folder, CGROUPS_NAME), JSON.stringify(cgroup.places), { mode: 0o600 });
      const { binary, listenFd, options } = launch(folder);
      const joins = cgroup.places.flatMap(({ dir, origin }) => ["--cgroup", dir, origin]);
      // Cgroups first: the stage hides the host's file system.
      const spec = { binary, folder, listenFd, options: [...joins, ...options] };
      const launcher = this.#launcher;
      const supervisor = await (launcher
        ? Supervisor.launch(spec, (...what) => launcher.launch(...what))
        : Supervisor.launch(spec));
      return { supervisor, cgroup, folder };
    } catch (error) {
      await cgroup.remove();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #discard(waiting: WaitingSupervisor): Promise<void> {
    waiting.supervisor.release();
    await waiting.supervisor.kill();
    await waiting.cgroup.remove();
    await rm(waiting.folder, { recursive: true, force: true });
  }
}
