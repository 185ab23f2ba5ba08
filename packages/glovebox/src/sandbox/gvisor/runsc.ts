import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { open } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import { COMMANDS_NAME } from "./places.ts";

/** What intercepts the system calls of programs. `kvm` is not among them: it hangs where KVM only seems to work. */
const PLATFORMS = ["systrap", "ptrace"] as const;
export type Platform = (typeof PLATFORMS)[number];

const run = promisify(execFile);
const VERSION_MS = 5_000;
const COMMAND_MS = 60_000;
const MAX_ANSWER = 65_536;

/** Errors: `isolation_unavailable` when there is no `runsc` in PATH. */
export function findRunsc(): string {
  for (const dir of (process.env.PATH ?? "/usr/bin:/bin").split(delimiter)) {
    const path = join(dir, "runsc");
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Elsewhere, then.
    }
  }
  throw new GloveboxError("isolation_unavailable", "gVisor is not installed: there is no `runsc` in PATH");
}

/** As runsc names it, e.g. `0.0~20221219.0`. */
export async function runscVersion(runsc: string): Promise<string> {
  const { stdout } = await run(runsc, ["--version"], { timeout: VERSION_MS });
  return /version (\S+)/.exec(stdout)?.[1] ?? stdout.trim();
}

/** The best platform that this build names. Errors: `isolation_unavailable` when it names none that we use. */
export async function choosePlatform(runsc: string): Promise<Platform> {
  const { stdout, stderr } = await run(runsc, ["flags"], { timeout: VERSION_MS });
  const described = /^\s*-platform string\n(.*)$/m.exec(stdout + stderr)?.[1] ?? "";
  const platform = PLATFORMS.find((name) => described.includes(name));
  if (platform) return platform;
  throw new GloveboxError("isolation_unavailable", `runsc has no platform that is used here: ${described.trim()}`);
}

/**
 * Has gvisor-host run a runsc command for its sandbox, and waits for its end. Errors: `unavailable` when the sandbox is gone,
 * `internal` with what runsc said when it failed, `cancelled`.
 */
export async function runscCommand(folder: string, words: readonly string[], signal?: AbortSignal): Promise<void> {
  const bound = AbortSignal.any([AbortSignal.timeout(COMMAND_MS), ...(signal ? [signal] : [])]);
  // A short path, however long the folder's is.
  await using handle = await open(folder, "r");
  const answer = await exchange(`/proc/self/fd/${handle.fd}/${COMMANDS_NAME}`, encode(words), bound).catch(
    (cause: unknown) => {
      if (signal?.aborted) throw new GloveboxError("cancelled", "The command was cancelled", { cause });
      throw new GloveboxError("unavailable", `runsc ${words[0]} got no answer: ${String(cause)}`, { cause });
    },
  );
  if (answer.length === 0)
    throw new GloveboxError("unavailable", `runsc ${words[0]} was not run: the sandbox is ending`);
  if (answer.at(-1) === 0) return;
  const said = answer.subarray(0, -1).toString("utf8").trim().slice(-2000);
  throw new GloveboxError("internal", `runsc ${words[0]} failed: ${said || `exit code ${answer.at(-1)}`}`);
}

function encode(words: readonly string[]): Buffer {
  const text = Buffer.from(`${words.join("\0")}\0`, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}

function exchange(path: string, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const abort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
    const pieces: Buffer[] = [];
    let length = 0;
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    socket.on("connect", () => socket.write(request));
    socket.on("data", (piece: Buffer) => {
      length += piece.length;
      pieces.push(piece);
      if (length > MAX_ANSWER) socket.destroy(new Error("it says too much"));
    });
    socket.on("error", reject);
    socket.on("close", () => {
      signal.removeEventListener("abort", abort);
      resolve(Buffer.concat(pieces));
    });
  });
}
