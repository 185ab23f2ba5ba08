import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

export const root = resolve(import.meta.dirname, "../..");
export const glovebox = join(root, "bin/glovebox");

/** A real server in a process of its own, over a data folder of its own unless told otherwise. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly dataDir: string;
  /** What the server wrote to stderr so far. */
  readonly log: () => string;
  /** `kill -9`, as if the machine's owner had slipped. Resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

export interface ServerOptions {
  /** Kept after dispose when given. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Runs the server through this, e.g. `setpriv …`. */
  readonly wrapper?: readonly string[];
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "glovebox-e2e-")));
  const argv = [
    ...(options.wrapper ?? []),
    glovebox,
    "up",
    "--port",
    "0",
    "--data",
    dataDir,
    "--json",
    ...(options.args ?? []),
  ];
  const child = spawn(argv[0] as string, argv.slice(1), {
    env: { ...cleanEnv(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-1_000_000);
  });
  const first = await firstLine(child, () => log);
  const { url, token, pid } = JSON.parse(first) as { url: string; token: string; pid: number };
  const gone = child.exitCode === null ? once(child, "exit") : Promise.resolve([child.exitCode]);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal);
    return (await gone)[0] as number | null;
  };
  return {
    url,
    token,
    pid,
    dataDir,
    log: () => log,
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
    async [Symbol.asyncDispose]() {
      // Sandboxes outlive a server: with its folder gone nobody would end them.
      if (options.dataDir === undefined) await endSessions(url, token).catch(() => {});
      await end("SIGTERM");
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Closes every live session. Rejects when the server does not answer. */
async function endSessions(url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const live = "status=starting&status=ready&status=paused&status=closing";
  for (let round = 0; round < 20; round++) {
    const answer = await fetch(`${url}/v1/sessions?${live}&limit=100`, { headers });
    const { items } = (await answer.json()) as { items?: { id: string }[] };
    if (items === undefined || items.length === 0) return;
    await Promise.all(
      items.map(({ id }) =>
        fetch(`${url}/v1/sessions/${id}/close`, { method: "POST", headers }).then((one) => one.text()),
      ),
    );
  }
}

/** The environment without what would make a command find another server. */
export function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GLOVEBOX_")));
}

async function firstLine(child: ChildProcess, log: () => string): Promise<string> {
  if (child.stdout === null) throw new Error("stdout is not a pipe");
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    child.stdout.resume();
    return line;
  }
  throw new Error(`the server ended before it answered: ${log()}`);
}
