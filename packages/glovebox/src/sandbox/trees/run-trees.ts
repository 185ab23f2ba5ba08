import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type ErrorCode, GloveboxError } from "../../core/index.ts";
import { nativeTools } from "../native/index.ts";

/** What copying one tree may take, milliseconds. A disk that does not answer must not hold a session for ever. */
const TIME_LIMIT_MS = 600_000;
const MAX_ANSWER_BYTES = 65_536;

const CODES: Readonly<Record<string, ErrorCode>> = {
  no_space: "resource_exhausted",
  too_large: "resource_exhausted",
  too_many_entries: "resource_exhausted",
  too_deep: "resource_exhausted",
  unreadable: "permission_denied",
  corrupt: "snapshot_corrupt",
  io: "store_failed",
};

export interface TreesRun {
  readonly args: readonly string[];
  /** Descriptor 0; default: nothing. */
  readonly input?: FileHandle;
  /** Descriptors from 3 on. */
  readonly handles: readonly FileHandle[];
  /** Where the program lies; default: the usual place. */
  readonly nativeDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `native/trees` and gives its answer. Errors: `resource_exhausted` (no space, or more than is taken), `snapshot_corrupt`,
 * `permission_denied` (a file that its owner may not read, where there are no user namespaces), `cancelled`, `timeout`, `store_failed`.
 */
export async function runTrees(run: TreesRun): Promise<Readonly<Record<string, unknown>>> {
  const { trees } = await nativeTools(run.nativeDir);
  run.signal?.throwIfAborted();
  const timeout = AbortSignal.timeout(TIME_LIMIT_MS);
  const signal = run.signal === undefined ? timeout : AbortSignal.any([run.signal, timeout]);
  const child = spawn(trees, run.args, {
    stdio: [run.input?.fd ?? "ignore", "pipe", "ignore", ...run.handles.map(({ fd }) => fd)],
    env: {},
    signal,
    killSignal: "SIGKILL",
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
    if (text.length < MAX_ANSWER_BYTES) text += piece;
  });
  child.once("error", reject);
  child.once("close", () => resolve());
  try {
    await promise;
  } catch (cause) {
    if (run.signal?.aborted) throw new GloveboxError("cancelled", "copying files was cancelled", { cause });
    if (timeout.aborted) throw new GloveboxError("timeout", "copying files took more than ten minutes", { cause });
    throw new GloveboxError("store_failed", "the program that copies files does not start", { cause });
  }
  return parseAnswer(text);
}

function parseAnswer(text: string): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Killed by somebody else, or out of memory: it says nothing then.
  }
  if (typeof answer !== "object" || answer === null) {
    throw new GloveboxError("store_failed", "the program that copies files ended without an answer");
  }
  const { error, detail } = answer as { error?: unknown; detail?: unknown };
  if (typeof error === "string") throw new GloveboxError(CODES[error] ?? "store_failed", String(detail));
  return answer as Readonly<Record<string, unknown>>;
}

export function count(answer: Readonly<Record<string, unknown>>, name: string): number {
  const value = answer[name];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new GloveboxError("store_failed", `the program that copies files does not say '${name}'`);
}

/** A folder as such, never what a link in its place leads to. */
export function openFolder(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}
