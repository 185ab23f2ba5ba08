import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { GloveboxError, newId } from "../../core/index.ts";
import { ConfigChannel } from "./config-channel.ts";
import { encodeFields } from "./fields.ts";
import { identify, type ProcessIdentity } from "./process-identity.ts";
import { withSocketPath } from "./socket-path.ts";

const CONFIG_FD = 3;
/** As `native/supervisor/launch.c` has it. */
const MAX_REQUEST = 65_536;

/** Sockets of launchers in a run folder begin with this and the pid of the server that each is for. */
export const LAUNCHER_PREFIX = "launcher-";

/** A process of `native/supervisor` that waits to be told what it is for. */
export interface Launched {
  readonly identity: ProcessIdentity;
  readonly channel: ConfigChannel;
}

/** Starts the program with a socket as descriptor 3, in a session of its own, with nothing else of ours. */
function spawnWithSocket(binary: string, args: readonly string[], cwd: string): [ChildProcess, Socket] {
  const stdio = ["ignore", "ignore", "ignore", "pipe"] as const;
  const child = spawn(binary, args, { cwd, detached: true, env: {}, stdio: [...stdio] });
  child.unref();
  return [child, child.stdio[CONFIG_FD] as Socket];
}

/** Starts a supervisor as a child of this process, which it holds up for as long as its memory takes to be copied: some 8 ms for a server of 250 MiB. */
export async function launchHere(binary: string, folder: string, args: readonly string[]): Promise<Launched> {
  const [child, socket] = spawnWithSocket(binary, args, folder);
  if (child.pid === undefined) throw doesNotStart((await once(child, "error"))[0] as Error);
  // Its end is heard of over the socket.
  child.on("error", () => {});
  return { identity: identityOf(child.pid), channel: new ConfigChannel(socket) };
}

/** A launcher that answers takes a millisecond. */
const PATIENCE_MS = 10_000;

/**
 * Has a small process start supervisors, so that this one is not copied each time: `native/supervisor/launch.h`. It is started when first needed, again
 * when it was killed or does not answer, and leaves with this process.
 */
export class Launcher implements AsyncDisposable {
  readonly #runDir: string;
  readonly #patienceMs: number;
  #starting: Promise<Started> | undefined;

  /** `patienceMs`: how long one may take to answer, milliseconds; default 10 seconds. */
  constructor(runDir: string, { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {}) {
    this.#runDir = runDir;
    this.#patienceMs = patienceMs;
  }

  /** Errors: `isolation_unavailable`, `invalid_argument` for words with a NUL in them, or too many. */
  async launch(binary: string, folder: string, args: readonly string[]): Promise<Launched> {
    const request = encodeFields([folder, ...args], MAX_REQUEST);
    for (let again = false; ; again = true) {
      this.#starting ??= this.#start(binary);
      const starting = this.#starting;
      try {
        const launched = await this.#ask(await starting, request);
        if (launched) return launched;
        if (again) throw doesNotStart(new Error("what starts it does not answer"));
        // It was killed since, or hangs: it is to start nothing any more.
        (await starting).child.kill("SIGKILL");
      } catch (error) {
        if (this.#starting === starting && !(await this.#lives(starting))) this.#starting = undefined;
        throw error;
      }
      if (this.#starting === starting) this.#starting = undefined;
    }
  }

  /** Resolves when it is gone. What it has started stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    this.#starting = undefined;
    if (!started) return;
    const { child, channel, gone } = started;
    const late = setTimeout(() => child.kill("SIGKILL"), this.#patienceMs);
    // Nothing else may keep the event loop alive until it is gone.
    child.ref();
    channel.close();
    await gone.finally(() => clearTimeout(late));
  }

  async #lives(starting: Promise<Started>): Promise<boolean> {
    const started = await starting.catch(() => undefined);
    return started?.channel.open === true;
  }

  /** `undefined`: nobody answered, in time. */
  async #ask({ name }: Started, request: Uint8Array): Promise<Launched | undefined> {
    const socket = await withSocketPath(this.#runDir, connected, name).catch(() => undefined);
    if (!socket) return undefined;
    const channel = new ConfigChannel(socket);
    try {
      channel.write(request);
      const line = await this.#inTime(channel, () => channel.next());
      if (!line) return undefined;
      if (line.word !== "launched") throw doesNotStart(new Error(line.rest));
      return { identity: identityOf(Number(line.rest)), channel };
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  async #start(binary: string): Promise<Started> {
    const name = `${LAUNCHER_PREFIX}${process.pid}-${newId()}`;
    const [child, socket] = spawnWithSocket(binary, ["--launch", name], this.#runDir);
    const gone = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    const channel = new ConfigChannel(socket);
    await this.#inTime(channel, () => channel.expect("listening"));
    return { name, child, channel, gone };
  }

  /** What is said over a channel, which is closed when that takes too long. */
  async #inTime<T>(channel: ConfigChannel, work: () => Promise<T>): Promise<T> {
    const late = setTimeout(() => channel.close(), this.#patienceMs);
    return work().finally(() => clearTimeout(late));
  }
}

interface Started {
  readonly name: string;
  readonly child: ChildProcess;
  readonly channel: ConfigChannel;
  readonly gone: Promise<void>;
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const refuse = (cause: Error) => reject(doesNotStart(cause));
    socket.once("error", refuse);
    socket.once("connect", () => {
      socket.off("error", refuse);
      resolve(socket);
    });
  });
}

/** Of a process that has just been started. Errors: `isolation_unavailable`. */
function identityOf(pid: number): ProcessIdentity {
  const identity = identify(pid);
  if (!identity) throw doesNotStart(new Error("it ended at once"));
  return identity;
}

function doesNotStart(cause: Error): GloveboxError {
  return new GloveboxError("isolation_unavailable", `The supervisor does not start: ${cause.message}`, { cause });
}
