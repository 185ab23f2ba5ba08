import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import type { ConfigChannel } from "./config-channel.ts";
import { encodeGo, type GoMessage } from "./go-message.ts";
import { type Launched, launchHere } from "./launcher.ts";
import { isAlive, type ProcessIdentity, signalExactly } from "./process-identity.ts";
import { SOCKET_NAME } from "./socket-path.ts";
import { parseStatus, type SupervisorEnd } from "./status-file.ts";

export const STATUS_NAME = "status";
export const LOG_NAME = "log";

/** What it inherits from whoever launches it. */
const CONFIG_FD = 3;
const POLL_MS = 10;
const TERM_PATIENCE_MS = 1_500;

/** How to bring up a supervisor: the options of `native/supervisor` after those that every one gets. */
export interface SupervisorLaunch {
  readonly binary: string;
  /** The run folder: exists, is empty, 0700. */
  readonly folder: string;
  readonly listenFd: number;
  readonly options: readonly string[];
}

/** Brings up the process: {@link launchHere}, or a `Launcher`. */
type Launch = (binary: string, folder: string, args: readonly string[]) => Promise<Launched>;

/** The server's hold on one supervisor: as its parent (`launch`), or found again (`adopt`). */
export class Supervisor {
  readonly identity: ProcessIdentity;
  #folder: string;
  #channel: ConfigChannel | undefined;
  #end: SupervisorEnd | undefined;
  #started = false;

  private constructor(identity: ProcessIdentity, folder: string, channel?: ConfigChannel) {
    this.identity = identity;
    this.#folder = folder;
    this.#channel = channel;
  }

  /** Starts one and resolves when it waits for {@link go}. Errors: `isolation_unavailable` with what it said. */
  static async launch(spec: SupervisorLaunch, launch: Launch = launchHere): Promise<Supervisor> {
    const common = ["--config-fd", String(CONFIG_FD), "--status", STATUS_NAME, "--log", LOG_NAME];
    const args = [...common, "--socket", SOCKET_NAME, String(spec.listenFd), ...spec.options];
    const { identity, channel } = await launch(spec.binary, spec.folder, args);
    const supervisor = new Supervisor(identity, spec.folder, channel);
    await channel.expect("ready");
    return supervisor;
  }

  /** Takes over one that an earlier server started. */
  static adopt(identity: ProcessIdentity, folder: string): Supervisor {
    return new Supervisor(identity, folder);
  }

  /** The run folder was renamed. */
  moved(folder: string): void {
    this.#folder = folder;
  }

  get alive(): boolean {
    return this.#said() === undefined && isAlive(this.identity);
  }

  /** Whether it still waits for {@link go}. */
  get waiting(): boolean {
    return this.#channel?.open === true && !this.#started && isAlive(this.identity);
  }

  /** Starts the driver's process. Resolves when it was forked. Errors: `isolation_unavailable`. */
  async go(message: GoMessage): Promise<void> {
    const bytes = encodeGo(message);
    if (!this.#channel?.open) throw new GloveboxError("isolation_unavailable", "The supervisor is gone");
    this.#started = true;
    this.#channel.write(bytes);
    await this.#channel.expect("started");
  }

  /** How the driver's process ended, once it has; `undefined` when the supervisor went without a word. */
  async ended(signal?: AbortSignal): Promise<SupervisorEnd | undefined> {
    const end = this.#said() ?? (await this.#channel?.ended(signal));
    if (end) return end;
    while (!signal?.aborted) {
      const alive = isAlive(this.identity);
      this.#end = await this.readEnd();
      if (this.#end || !alive) return this.#end;
      await sleep(POLL_MS);
    }
    return undefined;
  }

  /** The end as the status file has it by now. */
  async readEnd(): Promise<SupervisorEnd | undefined> {
    const text = await readFile(join(this.#folder, STATUS_NAME), "utf8").catch(() => "");
    return parseStatus(text).end;
  }

  /** What the driver's process wrote to stderr, the last 2,000 characters. */
  async log(): Promise<string> {
    const text = await readFile(join(this.#folder, LOG_NAME), "utf8").catch(() => "");
    return text.slice(-2000).trim();
  }

  /** Kills the driver's process with all that it left, and resolves when the supervisor is gone. Idempotent. */
  async kill(): Promise<void> {
    // One that waits leaves when nobody holds it; it would take a command for the start of a `go`.
    if (!this.#started) this.release();
    const channel = this.#channel;
    if (channel?.open) {
      channel.ref();
      channel.write("K");
      await Promise.race([channel.closed, sleep(TERM_PATIENCE_MS, undefined, { ref: false })]);
    } else {
      signalExactly(this.identity, "SIGTERM");
    }
    if (await this.#goneWithin(TERM_PATIENCE_MS)) return;
    // Its death ends the driver's process too (parent-death signal).
    signalExactly(this.identity, "SIGKILL");
    await this.#goneWithin(TERM_PATIENCE_MS);
  }

  /** Before `go`: lets it clean up and leave. After: lets go of it, and it goes on. */
  release(): void {
    this.#end = this.#said();
    this.#channel?.close();
    this.#channel = undefined;
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, POLL_MS)) {
      if (!isAlive(this.identity)) return true;
      if (performance.now() >= deadline) return false;
      await sleep(pauseMs);
    }
  }

  #said(): SupervisorEnd | undefined {
    this.#end ??= this.#channel?.end;
    return this.#end;
  }
}
