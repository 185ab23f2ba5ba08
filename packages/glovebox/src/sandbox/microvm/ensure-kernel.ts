import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import { extractVmlinux } from "./extract-vmlinux.ts";

const run = promisify(execFile);

/** Debian's kernel for virtual machines, of which the package depends on the newest. */
const META_PACKAGE = "linux-image-cloud-amd64";
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** What a guest needs and the kernel does not have built in; `native/init` loads them in this order. */
export const MODULES = [
  "drivers/virtio/virtio_ring.ko",
  "drivers/virtio/virtio.ko",
  "drivers/virtio/virtio_mmio.ko",
  "drivers/char/virtio_console.ko",
  "drivers/block/virtio_blk.ko",
  "fs/squashfs/squashfs.ko",
  "fs/overlayfs/overlay.ko",
];

export interface GuestKernel {
  /** Of the package, with its version. */
  readonly version: string;
  readonly vmlinux: string;
  /** Holds those asked for that the kernel has as modules. */
  readonly modulesDir: string;
}

/**
 * The guests' kernel, downloaded from Debian and unpacked into `<cacheDir>/kernel-<version>` at first need (27 MB; a few seconds), with those `modules` that it
 * does not have built in. Nothing is installed. Errors: `isolation_unavailable` with what is missing.
 */
export async function ensureKernel(
  cacheDir: string,
  signal?: AbortSignal,
  modules: readonly string[] = MODULES,
): Promise<GuestKernel> {
  const known = await newestKernel(cacheDir);
  if (known) return known;
  await mkdir(cacheDir, { recursive: true, mode: 0o755 });
  const folder = await mkdtemp(join(cacheDir, "download-"));
  try {
    return await fetchKernel(cacheDir, folder, modules, signal);
  } catch (cause) {
    if (cause instanceof GloveboxError) throw cause;
    const { stderr } = cause as { stderr?: unknown };
    const why = String(stderr || cause)
      .trim()
      .slice(-500);
    throw new GloveboxError("isolation_unavailable", `The guests' kernel cannot be had from Debian: ${why}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function newestKernel(cacheDir: string): Promise<GuestKernel | undefined> {
  const names = (await readdir(cacheDir).catch(() => [])).filter((name) => name.startsWith("kernel-"));
  const newest = names.sort(new Intl.Collator("en", { numeric: true }).compare).at(-1);
  return newest === undefined ? undefined : kernelAt(cacheDir, newest);
}

function kernelAt(cacheDir: string, name: string): GuestKernel {
  const dir = join(cacheDir, name);
  return { version: name.slice("kernel-".length), vmlinux: join(dir, "vmlinux"), modulesDir: join(dir, "modules") };
}

async function fetchKernel(
  cacheDir: string,
  folder: string,
  modules: readonly string[],
  signal?: AbortSignal,
): Promise<GuestKernel> {
  const options = { cwd: folder, timeout: DOWNLOAD_TIMEOUT_MS, ...(signal ? { signal } : {}) };
  const { stdout } = await run("apt-cache", ["depends", "--no-recommends", META_PACKAGE], options);
  const wanted = /Depends: (linux-image-[\w.+-]+)/.exec(stdout)?.[1];
  if (!wanted)
    throw new GloveboxError("isolation_unavailable", `Debian's ${META_PACKAGE} is not known here: run apt-get update`);
  await run("apt-get", ["download", "-q", wanted], options);
  const archive = (await readdir(folder)).find((name) => name.endsWith(".deb"));
  const version = archive?.split("_")[1];
  if (!archive || !version) throw new GloveboxError("isolation_unavailable", "apt-get downloaded nothing");
  const root = join(folder, "root");
  await run("dpkg-deb", ["-x", archive, root], options);
  const image = (await readdir(join(root, "boot"))).find((name) => name.startsWith("vmlinuz-"));
  const [release] = await readdir(join(root, "lib/modules"));
  if (!image || !release) throw new GloveboxError("isolation_unavailable", `${wanted} holds no kernel`);
  const made = join(folder, "kernel");
  await mkdir(join(made, "modules"), { recursive: true, mode: 0o755 });
  await writeFile(join(made, "vmlinux"), extractVmlinux(await readFile(join(root, "boot", image))), { mode: 0o644 });
  for (const module of modules)
    await copyModule(join(root, "lib/modules", release, "kernel", module), join(made, "modules"));
  const name = `kernel-${version.replaceAll(/[^\w.+-]/g, "_")}`;
  await rename(made, join(cacheDir, name)).catch(async (error: unknown) => {
    // Another process was faster.
    if (!(await stat(join(cacheDir, name)).catch(() => undefined))) throw error;
  });
  return kernelAt(cacheDir, name);
}

async function copyModule(path: string, dir: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) await copyFile(path, join(dir, path.slice(path.lastIndexOf("/") + 1)));
}
