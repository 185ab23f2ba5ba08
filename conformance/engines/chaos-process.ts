/** Processes that are killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What a process needs to know. */
export interface Life {
  /** The bundle of `chaos-child.ts`. */
  readonly child: string;
  /** Where its engine's data are. */
  readonly place: string;
  /** With the files `trees` and `effects`. */
  readonly folder: string;
}

/** A process that waits, with everything loaded, to be told to begin: so that a kill costs little more than the life that it ends. */
export function prepare({ child, place, folder }: Life): ChildProcess {
  const argv = [child, place, join(folder, "trees"), join(folder, "effects")];
  const env = { ...process.env, NODE_COMPILE_CACHE: join(child, "../cache") };
  return spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"], env });
}

/**
 * Lets a process live for a while once its engine is open, which took it `openMs`. `undefined` when it was killed; what it said when it came to its end
 * first.
 */
export async function live(child: ChildProcess, lifeMs: (openMs: number) => number): Promise<string | undefined> {
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = once(child, "close");
  const startMs = performance.now();
  child.stdin?.write("go\n");
  // A life that counts begins with an open engine.
  while (!said.startsWith("open\n") && child.exitCode === null) {
    await Promise.race([once(child.stdout as NodeJS.ReadableStream, "data"), closed]);
  }
  const forMs = lifeMs(performance.now() - startMs);
  const timer = Number.isFinite(forMs) ? setTimeout(() => child.kill("SIGKILL"), forMs) : undefined;
  const [code, signal] = (await closed) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === "SIGKILL") return undefined;
  if (code !== 0) throw new Error(`the process ended by itself with ${code}: ${said}`);
  return said.slice("open\n".length);
}
