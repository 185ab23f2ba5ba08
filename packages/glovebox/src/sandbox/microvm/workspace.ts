import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { chown, lstat, readdir, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { GloveboxError } from "../../core/index.ts";
import { unlessChildEnded } from "../feed-child.ts";
import type { SandboxFiles } from "../files.ts";

/** How long bringing a workspace back may take when its sandbox ends, milliseconds. */
const EXPORT_MS = 60_000;
/** The tar of a workspace may be this much longer than the disk it comes from. */
const TAR_OVERHEAD = 2;

/** Copies what lies in the host's folder into the guest's workspace, links as they are. Costs nothing where nothing does. */
export async function importWorkspace(
  files: SandboxFiles,
  link: LinkMaker,
  dir: string,
  signal?: AbortSignal,
): Promise<void> {
  if ((await readdir(dir)).length === 0) return;
  const tar = pack();
  const links: { readonly path: string; readonly target: string }[] = [];
  const filling = addFolder(tar, links, dir, "").then(
    () => tar.finalize(),
    (error: Error) => tar.destroy(error),
  );
  await files.unpack("/workspace", tar as AsyncIterable<Uint8Array>, signal);
  await filling;
  for (const { path, target } of links) await link(path, target);
}

/** Makes a symlink in the guest: an archive may hold only those that stay in it. */
export type LinkMaker = (path: string, target: string) => Promise<void>;

async function addFolder(
  tar: Pack,
  links: { path: string; target: string }[],
  dir: string,
  name: string,
): Promise<void> {
  for (const entry of await readdir(join(dir, name), { withFileTypes: true })) {
    const path = join(name, entry.name);
    const full = join(dir, path);
    const { mode, mtime, size } = await lstat(full);
    if (entry.isSymbolicLink()) links.push({ path, target: await readlink(full) });
    else if (entry.isDirectory()) {
      await added(tar, { name: `${path}/`, type: "directory", mode: mode & 0o777, mtime });
      await addFolder(tar, links, dir, path);
    } else if (entry.isFile()) {
      const member = tar.entry({ name: path, size, mode: mode & 0o777, mtime });
      // A file that grows meanwhile is cut, so that the archive stays whole.
      if (size === 0) (member as unknown as Writable).end();
      else await pipeline(createReadStream(full, { end: size - 1 }), member as unknown as Writable);
    }
  }
}

function added(tar: Pack, header: Parameters<Pack["entry"]>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
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
    await pipeline(Readable.from(bounded()), tar.stdin).catch(unlessChildEnded);
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
