import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { open } from "node:fs/promises";
import { connect, type Socket } from "node:net";
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

/** What takes a sandbox's place that a command ends, and what is to be done while there is none. */
export interface Replacement {
  readonly words: readonly string[];
  readonly between: () => Promise<void>;
}

/**
 * Has gvisor-host run a runsc command for its sandbox, and waits for its end. With a `replacement` the sandbox goes on as that, also when
 * `between` fails. Errors: `unavailable` when the sandbox is gone, `internal` with what runsc said when it failed, that of `between`.
 */
export async function runscCommand(folder: string, words: readonly string[], replacement?: Replacement): Promise<void> {
  // A short path, however long the folder's is.
  await using handle = await open(folder, "r");
  const socket = connect(`/proc/self/fd/${handle.fd}/${COMMANDS_NAME}`);
  socket.setTimeout(COMMAND_MS, () => socket.destroy(new Error("it takes too long")));
  try {
    socket.write(encode(replacement ? [...words, "::", ...replacement.words] : words));
    const { code, said } = await readAnswer(socket).catch((cause: unknown) => {
      throw new GloveboxError("unavailable", `runsc ${words[0]} got no answer: ${String(cause)}`, { cause });
    });
    if (code !== 0) throw new GloveboxError("internal", `runsc ${words[0]} failed: ${said || `exit code ${code}`}`);
    await replacement?.between();
  } finally {
    // A byte, or the end: either lets the replacement start.
    socket.end("g");
  }
}

function encode(words: readonly string[]): Buffer {
  const text = Buffer.from(`${words.join("\0")}\0`, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}

/** runsc prints text; its success is the first byte 0, its failure the last byte before the end. */
function readAnswer(socket: Socket): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    socket.on("data", (piece: Buffer) => {
      answer = Buffer.concat([answer, piece]);
      if (answer.includes(0)) resolve({ code: 0, said: "" });
      else if (answer.length > MAX_ANSWER) socket.destroy(new Error("it says too much"));
    });
    socket.on("error", reject);
    socket.on("close", () => {
      if (answer.length === 0) reject(new Error("the sandbox is ending"));
      else resolve({ code: answer.at(-1) ?? 1, said: answer.subarray(0, -1).toString("utf8").trim().slice(-2000) });
    });
  });
}
