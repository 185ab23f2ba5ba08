import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const NAME = "network";

/** Makes a network namespace with nothing in it, and returns the path by which the jailer joins it. Errors: `isolation_unavailable`. */
export async function makeNetworkNamespace(folder: string): Promise<string> {
  const path = join(folder, NAME);
  await writeFile(path, "", { mode: 0o600, flag: "wx" });
  try {
    await run("unshare", [`--net=${path}`, "true"], { timeout: TIMEOUT_MS, env: { PATH } });
    return path;
  } catch (cause) {
    const why = String((cause as { stderr?: unknown }).stderr || cause).trim();
    throw new GloveboxError("isolation_unavailable", `A network namespace cannot be made: ${why.slice(0, 300)}`, {
      cause,
    });
  }
}

/** Removes the one of a run folder, which could not be removed with it. Idempotent. */
export async function removeNetworkNamespace(folder: string): Promise<void> {
  const path = join(folder, NAME);
  // Where there is none, or was never one.
  await run("umount", ["--lazy", path], { timeout: TIMEOUT_MS, env: { PATH } }).catch(() => {});
  await rm(path, { force: true });
}
