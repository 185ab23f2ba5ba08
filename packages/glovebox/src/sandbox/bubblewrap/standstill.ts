import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { type CgroupPlace, SandboxCgroup } from "../cgroup/index.ts";

/** There while a sandbox stands still, so that the next server lets it go on. */
const MARK_NAME = "stopped";
/** Looks after which freezing begins anew. */
const ANEW = 25;
/** What freezing may take: a process that waits for a disk is frozen only after it. */
const PATIENCE_MS = 5_000;
const POLL_MS = 1;
/** All processes of the sandbox but the agent and the shell itself; the kernel signals them as one, so that none is born between. */
const signalAll = (name: "STOP" | "CONT") => ["/bin/sh", "-c", `kill -s ${name} -- -1`];

interface Parts {
  readonly cgroup: SandboxCgroup;
  /** The run folder. */
  readonly folder: string;
  readonly connection: AgentConnection;
}

/**
 * Lets the processes of a sandbox stand still while somebody holds it. With a freezer that is everything in it, the agent too, and none of
 * them can tell. Without one its programs get SIGSTOP, and SIGCONT afterwards, which they can see; what the host asks of the agent goes on.
 */
export class Standstill {
  readonly #parts: Parts;
  #holds = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Resolves when all stands still; disposing lets it go on, unless another holds it too. Errors: `unavailable`. */
  async hold(): Promise<AsyncDisposable> {
    this.#holds += 1;
    let held = true;
    const release = async () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      await this.#settle();
    };
    try {
      await this.#settle();
    } catch (error) {
      await release().catch(() => {});
      throw error;
    }
    return { [Symbol.asyncDispose]: release };
  }

  /** One change after the other, each towards what is wanted when it begins. */
  #settle(): Promise<void> {
    const done = this.#last.then(() => (this.#holds > 0 ? this.#stop() : this.#go()));
    this.#last = done.catch(() => {});
    return done;
  }

  #stopped = false;

  async #stop(): Promise<void> {
    if (this.#stopped) return;
    const { cgroup, folder, connection } = this.#parts;
    this.#stopped = true;
    await writeFile(join(folder, MARK_NAME), "", { mode: 0o600 });
    if (!cgroup.freeze(true)) return signal(connection, "STOP");
    const deadline = performance.now() + PATIENCE_MS;
    for (let looks = 1; !cgroup.isFrozen(); looks += 1) {
      if (performance.now() > deadline) {
        throw new GloveboxError("unavailable", "The sandbox's processes do not stand still: one waits for the disk");
      }
      await sleep(POLL_MS);
      // Version 1 may stay half way for good when a process forks just then; it is asked again, now and then from the beginning, as runc does it.
      if (looks % ANEW === 0) cgroup.freeze(false);
      cgroup.freeze(true);
    }
  }

  async #go(): Promise<void> {
    if (!this.#stopped) return;
    const { cgroup, folder, connection } = this.#parts;
    this.#stopped = false;
    if (!cgroup.freeze(false)) await signal(connection, "CONT");
    await rm(join(folder, MARK_NAME), { force: true });
  }
}

/** Thaws what stands still by its cgroup, from whatever server. Idempotent. */
export async function goOn(places: readonly CgroupPlace[], folder: string): Promise<boolean> {
  const mark = await readFile(join(folder, MARK_NAME)).catch(() => undefined);
  if (mark === undefined) return false;
  try {
    SandboxCgroup.adopt(places).freeze(false);
  } catch {
    // The cgroup is gone, and the processes with it.
  }
  return true;
}

/** After an attach: lets programs go on that an earlier server has stopped by signals. */
export async function continueStopped(connection: AgentConnection, folder: string): Promise<void> {
  await signal(connection, "CONT");
  await rm(join(folder, MARK_NAME), { force: true });
}

async function signal(connection: AgentConnection, name: "STOP" | "CONT"): Promise<void> {
  const process = await connection.spawn({ argv: signalAll(name), env: {}, cwd: "/", stdin: "null", control: false });
  for await (const item of process.output()) {
    if (item.kind !== "exit") continue;
    process.release();
    // 1: there was nobody to signal.
    if (item.exit.code === 0 || item.exit.code === 1) return;
    break;
  }
  throw new GloveboxError("unavailable", "The sandbox's programs could not be stopped");
}
