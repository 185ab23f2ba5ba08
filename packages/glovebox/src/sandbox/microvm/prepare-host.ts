import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import { prepareRootImage } from "../bubblewrap/root-image.ts";
import { nativeProgram, nativeTools } from "../native/index.ts";
import { filterFile } from "../seccomp/index.ts";
import type { SupervisorLaunch } from "../supervisor/index.ts";
import { CPU_MODELS, measureTsc } from "./accelerator.ts";
import { ensureKernel, type GuestKernel } from "./ensure-kernel.ts";
import { makeInitramfs } from "./initramfs.ts";
import { FDS } from "./machine.ts";
import { toolsDisk } from "./squashfs.ts";

const run = promisify(execFile);

export const QMP_NAME = "qmp.sock";
/** `native/supervisor` and `native/fork` know it by this name. */
const FORK_NAME = "fork.sock";

/** All that is the same for every machine on this host. */
export interface PreparedHost {
  readonly bwrap: string;
  readonly qemu: string;
  readonly qemuVersion: string;
  /** Whether QEMU can be told to read a memory file only; else it is made to (`library`). */
  readonly readsMemoryOnly: boolean;
  /** `native/fork`. */
  readonly library: string;
  readonly kernel: GuestKernel;
  readonly initramfs: string;
  readonly tools: string;
  readonly tscKhz: number;
  readonly links: readonly (readonly [name: string, target: string])[];
  readonly asRoot: boolean;
  readonly launch: (folder: string) => Omit<SupervisorLaunch, "folder">;
  /** What a saved machine must find again: see `requireCompatible`. */
  readonly compatibility: Readonly<Record<string, string>>;
}

export interface HostOptions {
  readonly nativeDir: string;
  readonly cacheDir: string;
  readonly kernelsDir: string;
  readonly nodePath: string;
}

/** Builds, downloads and finds what machines need. Errors: `isolation_unavailable`, saying what is missing. */
export async function prepareHost(options: HostOptions, asRoot: boolean, signal?: AbortSignal): Promise<PreparedHost> {
  if (process.arch !== "x64") {
    throw new GloveboxError("isolation_unavailable", `microVMs are made for x86-64 only, not for ${process.arch}`);
  }
  const { nativeDir, cacheDir } = options;
  const bwrap = findProgram("bwrap", "bubblewrap");
  const qemu = findProgram("qemu-system-x86_64", "qemu-system-x86");
  await mkdir(nativeDir, { recursive: true });
  const [tools, native, kernel, image, filter, toolsPath, qemuVersion] = await Promise.all([
    nativeTools(nativeDir),
    compileForMachines(nativeDir),
    ensureKernel(cacheDir, signal),
    prepareRootImage(nativeDir),
    filterFile("user", nativeDir),
    toolsDisk(cacheDir, options.kernelsDir, options.nodePath),
    versionOf(qemu),
  ]);
  const { init, library, tscKhz } = native;
  const initramfs = await makeInitramfs(cacheDir, { init, agent: tools.agent, filter, modulesDir: kernel.modulesDir });
  const sockets = ["--socket", QMP_NAME, String(FDS.qmp), "--socket", FORK_NAME, String(FDS.fork)];
  const stage = asRoot ? stageOptions(image.links, bwrap) : [];
  return {
    bwrap,
    qemu,
    qemuVersion,
    readsMemoryOnly: isAtLeast(qemuVersion, 8, 2),
    library,
    kernel,
    initramfs,
    tools: toolsPath,
    tscKhz,
    links: image.links,
    asRoot,
    launch: (folder) => ({
      binary: tools.supervisor,
      listenFd: FDS.agent,
      options: [...sockets, ...(asRoot ? ["--stage", folder, ...stage] : [])],
    }),
    compatibility: {
      qemu: qemuVersion,
      kernel: kernel.version,
      guest: initramfs.slice(initramfs.lastIndexOf("-") + 1),
      tools: createHash("sha256").update(toolsPath).digest("hex").slice(0, 16),
      processor: await processorOf(),
      emulated: CPU_MODELS.tcg,
    },
  };
}

async function compileForMachines(dir: string): Promise<{ init: string; library: string; tscKhz: number }> {
  const [init, library, tsc] = await Promise.all([
    nativeProgram("init", dir),
    nativeProgram("fork", dir),
    nativeProgram("tsc-khz", dir),
  ]);
  return { init, library, tscKhz: await measureTsc(tsc) };
}

async function versionOf(qemu: string): Promise<string> {
  const { stdout } = await run(qemu, ["--version"], { timeout: 10_000 });
  return /version ([^\n]+)/.exec(stdout)?.[1]?.trim() ?? "unknown";
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [have = 0, haveMinor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return have > major || (have === major && haveMinor >= minor);
}

/** The stage holds what bwrap and QEMU need, and nothing else of the host. */
function stageOptions(links: PreparedHost["links"], bwrap: string): string[] {
  const binds = ["/usr", "/proc", "/dev", ...(bwrap.startsWith("/usr/") ? [] : [bwrap])];
  return [
    ...binds.flatMap((path) => ["--bind", path, path]),
    ...links.flatMap(([name, target]) => ["--link", target, name]),
    // bwrap builds its root over /tmp.
    ...["--dir", "/tmp"],
  ];
}

async function processorOf(): Promise<string> {
  const text = await readFile("/proc/cpuinfo", "utf8");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? process.arch;
}

function findProgram(name: string, packageName: string): string {
  for (const dir of (process.env.PATH ?? "/usr/bin:/bin").split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Elsewhere, then.
    }
  }
  throw new GloveboxError("isolation_unavailable", `${packageName} is not installed: there is no \`${name}\` in PATH`);
}
