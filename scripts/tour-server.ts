import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const glovebox = resolve(import.meta.dirname, "../bin/glovebox");

export interface Running {
  readonly url: string;
  readonly token: string;
  readonly ended: Promise<unknown>;
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
}

/** A server of the tour's. `scratch`: its data folder, which goes with it. */
export async function startTourServer(
  args: readonly string[],
  scratch: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child = spawn(glovebox, ["up", "--json", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env, GLOVEBOX_LOG_LEVEL: process.env.GLOVEBOX_LOG_LEVEL ?? "warn" },
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-20_000);
  });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    child.stdout.resume();
    const { url, token } = JSON.parse(line) as { url: string; token: string };
    const stop = async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
      if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
    };
    const kill = async () => {
      child.kill("SIGKILL");
      await ended;
    };
    return { url, token, ended, stop, kill };
  }
  throw new Error(`the server did not start: ${errors.trim()}`);
}
