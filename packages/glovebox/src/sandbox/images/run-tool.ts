import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { GloveboxError } from "../../core/index.ts";
import { unlessChildEnded } from "../feed-child.ts";

/** Of a tool's last lines, which an error tells. */
const TAIL_LINES = 12;
const MAX_LINE_CHARS = 500;
/** The exit code of programs that start others, where there is no such program. */
const NOT_FOUND = 127;
/** Between asking a tool's processes to end and ending them. Milliseconds. */
const GRACE_MS = 2_000;

export interface ToolRun {
  readonly argv: readonly [string, ...string[]];
  /** Whom errors tell of, where that is not the first word. */
  readonly tool?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default: nothing to read. */
  readonly feed?: (stdin: Writable) => Promise<void>;
  /** Default: what it prints goes to `onLine`, as do its errors. */
  readonly consume?: (stdout: Readable) => Promise<void>;
  readonly onLine?: (line: string) => void;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs a tool of this host in a process group of its own, and ends all of it when the signal or the time says so, or when feeding or consuming
 * fails. Errors: `unavailable` where it is not installed or fails, with its last lines; `resource_exhausted` where there is no space left;
 * `cancelled`; `timeout`; those of `feed` and `consume`.
 */
export async function runTool(run: ToolRun): Promise<void> {
  const [program, ...args] = run.argv;
  const ending = new AbortController();
  const limit = AbortSignal.timeout(run.timeoutMs);
  const over = AbortSignal.any([ending.signal, limit, ...(run.signal ? [run.signal] : [])]);
  const tool = run.tool ?? program;
  if (run.signal?.aborted) throw cancelled(tool);
  const child = spawn(program, args, {
    detached: true,
    stdio: [run.feed ? "pipe" : "ignore", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C.UTF-8", ...run.env },
    ...(run.cwd !== undefined && { cwd: run.cwd }),
  });
  const tail: string[] = [];
  const heard = (line: string) => {
    const text = line.slice(0, MAX_LINE_CHARS);
    tail.push(text);
    if (tail.length > TAIL_LINES) tail.shift();
    run.onLine?.(text);
  };
  const kill = () => endGroup(child.pid);
  over.addEventListener("abort", kill, { once: true });
  const failures: unknown[] = [];
  const guarded = async (work: Promise<void>) => {
    await work.catch((error: unknown) => {
      failures.push(error);
      ending.abort();
    });
  };
  const exit = new Promise<{ code: number | null; missing: boolean }>((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => resolve({ code: null, missing: error.code === "ENOENT" }));
    child.once("close", (code) => resolve({ code, missing: false }));
  });
  await Promise.all([
    guarded(child.stderr ? lines(child.stderr, heard) : Promise.resolve()),
    guarded(child.stdout ? (run.consume?.(child.stdout) ?? lines(child.stdout, heard)) : Promise.resolve()),
    ...(run.feed && child.stdin ? [guarded(run.feed(child.stdin).catch(unlessChildEnded))] : []),
    exit,
  ]);
  over.removeEventListener("abort", kill);
  // What a tool left behind in its group when it ended.
  endGroup(child.pid, 0);
  const { code, missing } = await exit;
  if (run.signal?.aborted) throw cancelled(tool);
  if (limit.aborted) throw new GloveboxError("timeout", `${tool} did not end within ${run.timeoutMs} ms`);
  if (missing || code === NOT_FOUND) {
    throw new GloveboxError("unavailable", `images cannot be made here: ${tool} is not installed`);
  }
  if (code !== 0 && !isOwnDoing(failures)) throw failedTool(tool, code, tail);
  if (failures.length > 0) throw failures[0];
}

/** Whether we ended the tool, rather than that it broke off what we were writing to it. */
function isOwnDoing(failures: readonly unknown[]): boolean {
  return failures.some((error) => (error as NodeJS.ErrnoException).code !== "EPIPE");
}

function failedTool(program: string, code: number | null, tail: readonly string[]): GloveboxError {
  const output = tail.join("\n");
  if (/no space left on device/i.test(output)) {
    return new GloveboxError("resource_exhausted", `no space left on the disk for the image (${program})`, {
      details: { output },
    });
  }
  return new GloveboxError("unavailable", `${program} failed (${code === null ? "killed" : `exit code ${code}`})`, {
    details: { output },
  });
}

function cancelled(program: string): GloveboxError {
  return new GloveboxError("cancelled", `the image's making was cancelled (${program})`);
}

async function lines(stream: Readable, heard: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) heard(line);
}

function endGroup(pid: number | undefined, graceMs = GRACE_MS): void {
  if (pid === undefined) return;
  if (graceMs > 0) {
    signalGroup(pid, "SIGTERM");
    setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs).unref();
  } else {
    signalGroup(pid, "SIGKILL");
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it ended by itself.
  }
}
