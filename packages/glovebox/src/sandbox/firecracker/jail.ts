import { constants } from "node:fs";
import { chmod, chown, type FileHandle, link, lstat, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { sparseCopy } from "../microvm/sparse-copy.ts";
import type { JailFile } from "./jail-paths.ts";

/** `<fcntl.h>` of Linux on x86-64 and arm64; Node does not name it. */
const O_PATH = 0o10000000;
const { O_NOFOLLOW, O_RDONLY, O_NONBLOCK } = constants;
const LOG_TAIL = 2_000;

/**
 * The folder that is a machine's whole world on the host. It belongs to the session's uid from the moment that the jailer is started, so whatever lies in it
 * may have been put there by a Firecracker that was taken over: nothing is opened by a name without a look at what it is, and no link is followed.
 */
export class Jail {
  readonly root: string;
  readonly uid: number;

  constructor(root: string, uid: number) {
    this.root = root;
    this.uid = uid;
  }

  /** Makes the folder, and the log, which Firecracker expects to find. */
  async make(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    const log = join(this.root, "log");
    await writeFile(log, "", { mode: 0o600, flag: "wx" });
    await chown(log, this.uid, this.uid);
  }

  /** A file that is only read: the very same one, where it can be, so that machines share it in memory. */
  async share(from: string, name: JailFile): Promise<void> {
    const to = join(this.root, name);
    const { mode, uid } = await stat(from);
    // A link has the original's owner and rights: nobody in the jail may write it, and everybody read it.
    const fits = (mode & 0o444) === 0o444 && (mode & 0o022) === 0 && uid !== this.uid;
    if (fits && (await linked(from, to))) return;
    await sparseCopy(from, to);
    await chmod(to, 0o444);
  }

  /** A copy for the machine to write. */
  async give(from: string, name: JailFile): Promise<void> {
    const to = join(this.root, name);
    await sparseCopy(from, to);
    await chown(to, this.uid, this.uid);
  }

  /** Calls `use` with a path to a socket in the jail, which cannot come to mean another while it does. Errors: `unavailable`. */
  async lend<T>(name: JailFile, use: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.root, name);
    await using handle = await open(path, O_PATH | O_NOFOLLOW).catch((cause: unknown) => {
      throw new GloveboxError("unavailable", `Firecracker has no socket ${name}`, { cause });
    });
    const found = await handle.stat();
    if (!found.isSocket() || found.uid !== this.uid) {
      throw new GloveboxError("unavailable", `What Firecracker has at ${name} is not its socket`);
    }
    return await use(`/proc/self/fd/${handle.fd}`);
  }

  /** Copies a file that the machine writes while it stands still. `most`: bytes that it may have. Errors: `internal`. */
  async copyOut(name: JailFile, to: string, most: number): Promise<void> {
    await using handle = await this.#file(name, most);
    await sparseCopy(`/proc/${process.pid}/fd/${handle.fd}`, to);
  }

  /**
   * Takes a file away that Firecracker has written, without copying it where that can be: it is then the server's, and read-only. One that was taken over may still
   * hold it open; a snapshot's checksums are taken later, and are looked at before it is used. Errors: `internal`.
   */
  async takeOut(name: JailFile, to: string, most: number): Promise<void> {
    const from = join(this.root, name);
    try {
      await rename(from, to);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
      await this.copyOut(name, to, most);
      await rm(from, { force: true });
    }
    const found = await lstat(to);
    if (!found.isFile() || found.nlink !== 1 || found.size > most) {
      await rm(to, { recursive: true, force: true });
      throw strange(name);
    }
    await chown(to, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    await chmod(to, 0o444);
  }

  /** Removes what was written in part. Idempotent. */
  async drop(name: JailFile): Promise<void> {
    await rm(join(this.root, name), { recursive: true, force: true });
  }

  /** The last 2,000 characters of what Firecracker logged. */
  async log(): Promise<string> {
    try {
      await using handle = await this.#file("log", Number.MAX_SAFE_INTEGER);
      const { size } = await handle.stat();
      const from = Math.max(0, size - LOG_TAIL);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOG_TAIL), 0, LOG_TAIL, from);
      return buffer
        .toString("utf8", 0, bytesRead)
        .replaceAll(/[^\x20-\x7e]+/g, " ")
        .trim();
    } catch {
      return "";
    }
  }

  async #file(name: JailFile, most: number): Promise<FileHandle> {
    // Without waiting: a pipe in its place would let nobody go on.
    const handle = await open(join(this.root, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: unknown) => {
      throw strange(name, cause);
    });
    const found = await handle.stat();
    if (found.isFile() && found.size <= most) return handle;
    await handle.close();
    throw strange(name);
  }
}

function strange(name: string, cause?: unknown): GloveboxError {
  return new GloveboxError("internal", `What Firecracker left at ${name} is not the file that it should be`, { cause });
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // Another file system, too many links, or one that has none.
      if (error.code === "EXDEV" || error.code === "EMLINK" || error.code === "EPERM") return false;
      throw error;
    },
  );
}
