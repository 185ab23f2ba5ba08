import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { GloveboxError } from "../../core/index.ts";
import type { GitRemote } from "../forge.ts";
import { gitEnvironment } from "./git-environment.ts";

export interface GitCommand {
  readonly args: readonly string[];
  /** The bare repository that it works on. */
  readonly gitDir?: string;
  /** What it may speak to. Without it, to nothing. */
  readonly remote?: GitRemote;
  /** Written to its stdin, which then ends. */
  readonly input?: string;
  /** Other variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Milliseconds until it is killed. Default a minute. */
  readonly timeoutMs?: number;
}

const MAX_STDERR = 8192;
/** Of what `runGit` collects, bytes. */
const MAX_OUTPUT = 16 << 20;

/** Collects what git prints. Errors: see {@link streamGit}; `resource_exhausted` beyond `maxBytes` (default 16 MiB). */
export async function runGit(command: GitCommand & { readonly maxBytes?: number }): Promise<Buffer> {
  const most = command.maxBytes ?? MAX_OUTPUT;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of streamGit(command)) {
    bytes += part.length;
    if (bytes > most) throw new GloveboxError("resource_exhausted", `git printed more than ${most} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * What git prints, as it comes. Who stops reading ends it, with all that it started. Errors after the last piece: `cancelled`, `timeout`,
 * `permission_denied` when the credentials did not do, `not_found` when there is no such repository or commit, `workspace_invalid` when its objects are not
 * what git would make, else `forge_unavailable`.
 */
export async function* streamGit(command: GitCommand): AsyncGenerator<Buffer> {
  const { signal, timeoutMs = 60_000 } = command;
  signal.throwIfAborted();
  const child = start(command);
  const ended = endOf(child);
  ended.catch(() => {});
  const stop = () => killGroup(child.pid);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, timeoutMs);
  signal.addEventListener("abort", stop, { once: true });
  const stderr = tailOf(child.stderr);
  child.stdin.on("error", () => {}); // it may end before it has read all
  child.stdin.end(command.input ?? "");
  let isWhole = false;
  try {
    for await (const part of child.stdout) yield part as Buffer;
    const code = await ended;
    isWhole = true;
    if (signal.aborted) throw new GloveboxError("cancelled", "git was cancelled", { cause: signal.reason });
    if (isLate) throw new GloveboxError("timeout", `git ${command.args[0]} took more than ${timeoutMs} ms`);
    if (code !== 0) throw errorOf(command, code, stderr());
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    if (!isWhole) {
      stop();
      await ended.catch(() => {});
    }
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

function start({ args, gitDir, remote, env }: GitCommand): Child {
  const all = gitDir === undefined ? args : [`--git-dir=${gitDir}`, ...args];
  // In a group of its own: what speaks HTTP is a child of git, and must end with it.
  return spawn("git", all, {
    cwd: "/",
    env: { ...gitEnvironment(remote), ...env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
}

function endOf(child: Child): Promise<number | null> {
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", (cause) => reject(new GloveboxError("unavailable", "git cannot be started", { cause })));
  child.once("close", (code) => resolve(code));
  return promise;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function tailOf(stream: Readable): () => string {
  let kept = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    kept = (kept + text).slice(-MAX_STDERR);
  });
  return () => kept;
}

function errorOf({ args }: GitCommand, code: number | null, stderr: string): GloveboxError {
  const lines = stderr.trim().split("\n");
  const reason = (lines.find((line) => /^(error|fatal): /.test(line)) ?? lines.at(-1) ?? "").slice(0, 500);
  const message = `git ${args[0]} failed (${code ?? "killed"}): ${reason}`;
  if (/Authentication failed|could not read Username|returned error: 40[13]|terminal prompts disabled/i.test(stderr)) {
    return new GloveboxError("permission_denied", message);
  }
  const isMissing =
    /returned error: 404|repository '.*' not found|does not appear to be a git repository|couldn't find remote ref|not our ref|not a tree object|Not a valid object name|bad object|unknown revision/i;
  if (isMissing.test(stderr)) return new GloveboxError("not_found", message);
  if (/fsck error|has malformed|invalid index-pack/i.test(stderr))
    return new GloveboxError("workspace_invalid", message);
  return new GloveboxError("forge_unavailable", message);
}
