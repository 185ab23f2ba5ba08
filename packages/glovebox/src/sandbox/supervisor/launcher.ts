import { type ChildProcess, spawn } from "node:child_process";
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
  const identity = await new Promise<ProcessIdentity>((resolve, reject) => {
    child.on("error", (cause) => reject(doesNotStart(cause)));
    if (child.pid !== undefined) settle(child.pid, resolve, reject);
  });
  return { identity, channel: new ConfigChannel(socket) };
}

/**
 * Has a small process start supervisors, so that this one is not copied each time: `native/supervisor/launch.h`. It is started when first needed, again
 * when it was killed, and leaves with this process.
 */
export class Launcher implements AsyncDisposable {
  readonly #runDir: string;
  #starting: Promise<Started> | undefined;

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  /** Errors: `isolation_unavailable`. */
  async launch(binary: string, folder: string, args: readonly string[]): Promise<Launched> {
    const socket = await this.#connect(binary);
    const channel = new ConfigChannel(socket);
    try {
      channel.write(encodeFields([folder, ...args], MAX_REQUEST));
      const pid = Number(await channel.expect("launched"));
      const identity = await new Promise<ProcessIdentity>((resolve, reject) => settle(pid, resolve, reject));
      return { identity, channel };
    } catch (error) {
      channel.close();
      throw error;
    }
  }

  /** Resolves when it is gone. What it has started stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    const started = await this.#starting?.catch(() => undefined);
    this.#starting = undefined;
    if (!started) return;
    // Nothing else may keep the event loop alive until it is gone.
    started.child.ref();
    started.channel.close();
    await started.gone;
  }

  async #connect(binary: string): Promise<Socket> {
    try {
      return await this.#connectOnce(binary);
    } catch {
      // It was killed since, or is just dying.
      this.#starting = undefined;
      return await this.#connectOnce(binary);
    }
  }

  async #connectOnce(binary: string): Promise<Socket> {
    this.#starting ??= this.#start(binary);
    const { name } = await this.#starting;
    return withSocketPath(this.#runDir, connected, name);
  }

  async #start(binary: string): Promise<Started> {
    const name = `${LAUNCHER_PREFIX}${process.pid}-${newId()}`;
    const [child, socket] = spawnWithSocket(binary, ["--launch", name], this.#runDir);
    const gone = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    const channel = new ConfigChannel(socket);
    const started = { name, child, channel, gone };
    await channel.expect("listening");
    void gone.then(async () => {
      const now = await this.#starting?.catch(() => undefined);
      if (now === started) this.#starting = undefined;
    });
    return started;
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

function settle(pid: number, resolve: (identity: ProcessIdentity) => void, reject: (error: Error) => void): void {
  const identity = identify(pid);
  if (identity) resolve(identity);
  else reject(doesNotStart(new Error("it ended at once")));
}

function doesNotStart(cause: Error): GloveboxError {
  return new GloveboxError("isolation_unavailable", "The supervisor does not start", { cause });
}
