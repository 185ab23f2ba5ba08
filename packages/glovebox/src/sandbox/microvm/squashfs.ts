import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import { makeOnce } from "./write-once.ts";

const run = promisify(execFile);

/** Without compression: an emulated processor unpacks slowly, and the host caches what it reads. */
const STORED = ["-noI", "-noD", "-noF", "-noX"];
const REPRODUCIBLE = ["-all-root", "-mkfs-time", "0", "-all-time", "0", "-no-xattrs"];
const TIMEOUT_MS = 120_000;

/**
 * The disk `tools`: the language kernels and Node, which images need not have. Made at first need (seconds), then found by its content.
 * Errors: `isolation_unavailable` without mksquashfs.
 */
export async function toolsDisk(cacheDir: string, kernelsDir: string, nodePath: string): Promise<string> {
  const node = await realpath(nodePath);
  const { size, mtimeMs } = await stat(node);
  const hash = createHash("sha256").update(JSON.stringify([node, size, mtimeMs, STORED, REPRODUCIBLE]));
  for (const path of (await readdir(kernelsDir, { recursive: true })).sort()) {
    const full = join(kernelsDir, path);
    if ((await stat(full)).isFile()) hash.update(JSON.stringify(path)).update(await readFile(full));
  }
  return diskNamed(cacheDir, `tools-${hash.digest("hex").slice(0, 16)}`, async (stage) => {
    await cp(kernelsDir, join(stage, "kernels"), { recursive: true });
    await mkdir(join(stage, "bin"));
    await copyFile(node, join(stage, "bin/node"));
  });
}

/** The disk `packages` of a folder that never changes, as layers of packages are. */
export async function packagesDisk(cacheDir: string, folder: string): Promise<string> {
  const path = await realpath(folder);
  const { mtimeMs, ino } = await stat(path);
  const hash = createHash("sha256")
    .update(JSON.stringify([path, mtimeMs, ino]))
    .digest("hex");
  return diskNamed(cacheDir, `packages-${hash.slice(0, 16)}`, path);
}

async function diskNamed(
  cacheDir: string,
  name: string,
  source: string | ((stage: string) => Promise<void>),
): Promise<string> {
  const path = join(cacheDir, `${name}.squashfs`);
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(cacheDir, { recursive: true, mode: 0o755 });
  const stage = await mkdtemp(join(cacheDir, "stage-"));
  try {
    if (typeof source !== "string") await source(stage);
    const from = typeof source === "string" ? source : stage;
    await makeOnce(path, (partial) =>
      run("mksquashfs", [from, partial, "-noappend", "-quiet", "-no-progress", ...STORED, ...REPRODUCIBLE], {
        timeout: TIMEOUT_MS,
      }),
    );
  } catch (cause) {
    const { code, stderr } = cause as { code?: unknown; stderr?: unknown };
    const why =
      code === "ENOENT" ? "mksquashfs is not installed (squashfs-tools)" : String(stderr || cause).slice(0, 500);
    throw new GloveboxError("isolation_unavailable", `A disk for guests cannot be made: ${why}`, { cause });
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return path;
}
