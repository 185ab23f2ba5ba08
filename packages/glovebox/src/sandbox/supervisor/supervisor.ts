import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { encodeGo, type GoMessage } from "./go-message.ts";
import { identify, isAlive, type ProcessIdentity, signalExactly } from "./process-identity.ts";
import { parseStatus, type SupervisorEnd } from "./status-file.ts";

export const SOCKET_NAME = "agent.sock";
export const STATUS_NAME = "status";
export const LOG_NAME = "log";

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

type Line = { readonly word: string; readonly rest: string };

/** The server's hold on one supervisor: as its parent (`launch`), or found again (`adopt`). */
export class Supervisor {
  readonly identity: ProcessIdentity;
  #folder: string;
  #socket: Socket | undefined;
  #end: SupervisorEnd | undefined;
  #started = false;
  #wanted: ((line: Line | undefined) => void) | undefined;
  readonly #lines: Line[] = [];
  readonly #closed: Promise<void>;
  #onEnd: ((end: SupervisorEnd | undefined) => void)[] = [];

  private constructor(identity: ProcessIdentity, folder: string, socket?: Socket) {
    this.identity = identity;
    this.#folder = folder;
    this.#socket = socket;
    this.#closed = socket ? this.#listen(socket) : Promise.resolve();
  }

  /** Starts one and resolves when it waits for {@link go}. Errors: `isolation_unavailable` with what it said. */
  static async launch(launch: SupervisorLaunch): Promise<Supervisor> {
    const common = ["--config-fd", String(CONFIG_FD), "--status", STATUS_NAME, "--log", LOG_NAME];
    const args = [...common, "--socket", SOCKET_NAME, String(launch.listenFd), ...launch.options];
    const child = spawn(launch.binary, args, {
      cwd: launch.folder,
      detached: true,
      env: {},
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const identity = await identityOf(child);
    const socket = child.stdio[CONFIG_FD] as Socket;
    child.unref();
    socket.unref();
    const supervisor = new Supervisor(identity, launch.folder, socket);
    await supervisor.#expect("ready");
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
    return this.#end === undefined && isAlive(this.identity);
  }

  /** Whether it still waits for {@link go}. */
  get waiting(): boolean {
    return this.#socket !== undefined && !this.#started && isAlive(this.identity);
  }

  /** Starts the driver's process. Resolves when it was forked. Errors: `isolation_unavailable`. */
  async go(message: GoMessage): Promise<void> {
    const bytes = encodeGo(message);
    if (!this.#socket) throw new GloveboxError("isolation_unavailable", "The supervisor is gone");
    this.#started = true;
    this.#socket.write(bytes);
    await this.#expect("started");
  }

  /** How the driver's process ended, once it has; `undefined` when the supervisor went without a word. */
  async ended(signal?: AbortSignal): Promise<SupervisorEnd | undefined> {
    if (this.#end) return this.#end;
    if (this.#socket) {
      const end = await new Promise<SupervisorEnd | undefined>((resolve) => {
        this.#onEnd.push(resolve);
        signal?.addEventListener("abort", () => resolve(undefined), { once: true });
      });
      if (end) return end;
    }
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
    if (this.#socket) {
      this.#socket.ref();
      this.#socket.write("K");
      await Promise.race([this.#closed, sleep(TERM_PATIENCE_MS, undefined, { ref: false })]);
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
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #goneWithin(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, POLL_MS)) {
      if (!isAlive(this.identity)) return true;
      if (performance.now() >= deadline) return false;
      await sleep(pauseMs);
    }
  }

  #listen(socket: Socket): Promise<void> {
    const { promise, resolve: settle } = Promise.withResolvers<void>();
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (piece: string) => {
      text += piece;
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
    });
    // Its end is all that matters, and that comes as `close`.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#socket = undefined;
      this.#wanted?.(undefined);
      for (const resolve of this.#onEnd.splice(0)) resolve(this.#end);
      settle();
    });
    return promise;
  }

  #hear(text: string): void {
    const at = text.indexOf(" ");
    const line = at < 0 ? { word: text, rest: "" } : { word: text.slice(0, at), rest: text.slice(at + 1) };
    if (line.word === "exit") this.#end = { kind: "exit", code: Number(line.rest) };
    if (line.word === "signal") this.#end = { kind: "signal", number: Number(line.rest) };
    if (this.#end) for (const resolve of this.#onEnd.splice(0)) resolve(this.#end);
    if (this.#wanted) this.#wanted(line);
    else this.#lines.push(line);
  }

  async #expect(word: string): Promise<void> {
    // Only while somebody waits does a supervisor keep the server's event loop alive.
    this.#socket?.ref();
    const line =
      this.#lines.shift() ??
      (await new Promise<Line | undefined>((resolve) => {
        if (this.#socket) this.#wanted = resolve;
        else resolve(undefined);
      }));
    this.#wanted = undefined;
    this.#socket?.unref();
    if (line?.word === word) return;
    const said = line ? `${line.word} ${line.rest}` : "it ended without a word";
    throw new GloveboxError("isolation_unavailable", `The sandbox's supervisor failed: ${said}`);
  }
}

function identityOf(child: ChildProcess): Promise<ProcessIdentity> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown) =>
      reject(new GloveboxError("isolation_unavailable", "The supervisor does not start", { cause }));
    child.on("error", refuse);
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity) resolve(identity);
    else if (child.pid !== undefined) refuse(new Error("it ended at once"));
  });
}
