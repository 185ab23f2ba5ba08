import { execFile } from "node:child_process";
import { chmod, rename, rm, truncate, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

/** Copies a file with holes: shared with the original until one is changed, where the file system can, else what is not a hole. */
export async function sparseCopy(from: string, to: string): Promise<void> {
  try {
    await run("cp", ["--reflink=auto", "--sparse=auto", "--", from, to], { timeout: TIMEOUT_MS });
    // The original may be read-only; the copy is somebody's to write.
    await chmod(to, 0o600);
  } catch (cause) {
    const text = String((cause as { stderr?: unknown }).stderr ?? cause);
    const code = /No space left/.test(text) ? "resource_exhausted" : "internal";
    throw new GloveboxError(code, `A disk could not be copied: ${text.trim().slice(0, 300)}`, { cause });
  }
}

/** Moves a file with holes, to another file system, too. Errors: those of {@link sparseCopy}. */
export async function sparseMove(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    await sparseCopy(from, to);
    await rm(from);
  }
}

/** An empty workspace of `mb` MiB of room, as an ext4 file system in a sparse file. Without a journal: a machine that died is not gone on with. */
export async function makeWorkspaceDisk(path: string, mb: number): Promise<void> {
  // The file system's own tables take room that is not to be the session's loss.
  const bytes = Math.ceil((mb * 1.03 + 2) * 256) * 4096;
  await writeFile(path, "", { mode: 0o600, flag: "wx" });
  await truncate(path, bytes);
  const features = "^has_journal,^resize_inode,^metadata_csum,uninit_bg";
  const argv = [
    "-q",
    "-F",
    "-t",
    "ext4",
    "-b",
    "4096",
    "-m",
    "0",
    "-O",
    features,
    "-E",
    "lazy_itable_init=1,nodiscard",
    path,
  ];
  try {
    await run("mke2fs", argv, {
      timeout: TIMEOUT_MS,
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    });
  } catch (cause) {
    throw new GloveboxError(
      "isolation_unavailable",
      `A workspace's disk cannot be made: ${String(cause).slice(0, 500)}`,
      { cause },
    );
  }
}
