import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../../../../..");
const glovebox = join(root, "bin/glovebox");

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

export interface CliOptions {
  readonly input?: string | Buffer;
  /** Stdin stays open after `input`, as that of a service does. */
  readonly keepStdinOpen?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called with all of stdout so far, and what ends the command. */
  readonly onStdout?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the real command, with nothing of our own environment that would lead it to another server. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const clean = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("GLOVEBOX_") && name !== "NODE_OPTIONS",
  );
  const child = spawn(glovebox, args, {
    cwd: options.cwd,
    env: { ...Object.fromEntries(clean), GLOVEBOX_DATA: "/nonexistent/glovebox", ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => {
    out.push(chunk);
    options.onStdout?.(Buffer.concat(out).toString(), (signal) => child.kill(signal));
  });
  child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
  child.stdin?.on("error", () => {}); // it may end without reading
  if (options.keepStdinOpen === true) child.stdin?.write(options.input ?? "");
  else child.stdin?.end(options.input);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const bytes = Buffer.concat(out);
  return { code, signal, stdout: bytes.toString(), stderr: Buffer.concat(err).toString(), bytes };
}
