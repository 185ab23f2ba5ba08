import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { GloveboxError } from "../../core/index.ts";
import type { SandboxFiles } from "../files.ts";

/** How long bringing a workspace back may take when its sandbox ends, milliseconds. */
const EXPORT_MS = 60_000;
/** The tar of a workspace may be this much longer than the disk it comes from. */
const TAR_OVERHEAD = 2;

/** Copies what lies in the host's folder into the guest's workspace. Costs nothing where nothing does. */
export async function importWorkspace(files: SandboxFiles, dir: string, signal?: AbortSignal): Promise<void> {
  if ((await readdir(dir)).length === 0) return;
  const tar = spawn("tar", ["--format=pax", "--numeric-owner", "-C", dir, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "ignore"],
    ...(signal ? { signal } : {}),
  });
  const ended = once(tar, "close");
  ended.catch(() => {});
  try {
    await files.unpack("/workspace", tar.stdout, signal);
  } finally {
    tar.kill("SIGKILL");
  }
  await ended;
}

/**
 * Makes the host's folder what the guest's workspace is. The guest made the archive, and is not believed: tar runs as the session's uid,
 * where it has one, with no more rights than the session's code would have in that folder, and goes through no link. `most`: bytes.
 */
export async function exportWorkspace(
  files: SandboxFiles,
  dir: string,
  uid: number | undefined,
  most: number,
): Promise<void> {
  const signal = AbortSignal.timeout(EXPORT_MS);
  for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true, force: true });
  const argv = [
    "-xf",
    "-",
    "--no-same-owner",
    "--no-same-permissions",
    "--delay-directory-restore",
    "--keep-old-files",
  ];
  const who = uid === undefined ? {} : { uid, gid: uid };
  if (uid !== undefined) await chown(dir, uid, uid);
  const tar = spawn("tar", argv, { cwd: dir, stdio: ["pipe", "ignore", "ignore"], signal, ...who });
  const ended = once(tar, "close");
  ended.catch(() => {});
  const bounded = async function* () {
    let taken = 0;
    for await (const chunk of files.pack("/workspace", signal)) {
      taken += chunk.length;
      if (taken > most * TAR_OVERHEAD)
        throw new GloveboxError("resource_exhausted", "the workspace is larger than its disk");
      yield chunk;
    }
  };
  try {
    await pipeline(Readable.from(bounded()), tar.stdin);
    await ended;
  } finally {
    tar.kill("SIGKILL");
  }
  await removeOthers(dir);
}

/** What an archive of ours never holds is the guest's invention. */
async function removeOthers(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await removeOthers(path);
    else if (!entry.isFile() && !(await lstat(path)).isSymbolicLink()) await rm(path, { force: true });
  }
}
