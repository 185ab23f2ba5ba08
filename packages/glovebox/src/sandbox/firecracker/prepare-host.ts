import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { access, mkdir, readFile, realpath } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import { ensureKernel, MODULES } from "../microvm/ensure-kernel.ts";
import { makeInitramfs } from "../microvm/initramfs.ts";
import { toolsDisk } from "../microvm/squashfs.ts";
import { nativeProgram, nativeTools } from "../native/index.ts";
import { filterFile } from "../seccomp/index.ts";
import type { SupervisorLaunch } from "../supervisor/index.ts";

const run = promisify(execFile);
const VERSION_MS = 10_000;
/** The supervisor's own listening socket, which every driver's has; a machine has its own instead. */
const UNUSED_FD = 10;

/** All that is the same for every machine on this host. */
export interface FirecrackerHost {
  readonly jailer: string;
  readonly firecracker: string;
  readonly version: string;
  readonly kernel: string;
  readonly kernelVersion: string;
  readonly initramfs: string;
  readonly tools: string;
  readonly launch: (folder: string) => Omit<SupervisorLaunch, "folder">;
  /** What a saved machine must find again, beside its image. */
  readonly compatibility: Readonly<Record<string, string>>;
}

export interface HostOptions {
  readonly nativeDir: string;
  readonly cacheDir: string;
  readonly kernelsDir: string;
  readonly nodePath: string;
}

/** What the guests' kernel needs beside what every microVM's needs; `native/init` loads them. */
const VSOCK_MODULES = [
  "net/vmw_vsock/vsock.ko",
  "net/vmw_vsock/vmw_vsock_virtio_transport_common.ko",
  "net/vmw_vsock/vmw_vsock_virtio_transport.ko",
];

/** Finds, downloads and builds what machines need. Errors: `isolation_unavailable`, saying all that is missing. */
export async function prepareHost(options: HostOptions, signal?: AbortSignal): Promise<FirecrackerHost> {
  const found = await findAll();
  const { nativeDir, cacheDir } = options;
  await mkdir(nativeDir, { recursive: true });
  // A kernel of its own: microVMs of QEMU are better off without these modules.
  const kernelDir = join(cacheDir, "vsock");
  const [tools, init, filter, kernel, toolsPath] = await Promise.all([
    nativeTools(nativeDir),
    nativeProgram("init", nativeDir),
    filterFile("user", nativeDir),
    ensureKernel(kernelDir, signal, [...MODULES, ...VSOCK_MODULES]),
    toolsDisk(cacheDir, options.kernelsDir, options.nodePath),
  ]);
  const { modulesDir } = kernel;
  const initramfs = await makeInitramfs(cacheDir, { init, agent: tools.agent, filter, modulesDir });
  return {
    ...found,
    kernel: kernel.vmlinux,
    kernelVersion: kernel.version,
    initramfs,
    tools: toolsPath,
    launch: () => ({ binary: tools.supervisor, listenFd: UNUSED_FD, options: ["--follow", "heir"] }),
    compatibility: {
      firecracker: found.version,
      processor: await processorOf(),
      kernel: kernel.version,
      guest: initramfs.slice(initramfs.lastIndexOf("-") + 1),
      tools: createHash("sha256").update(toolsPath).digest("hex").slice(0, 16),
    },
  };
}

async function findAll(): Promise<Pick<FirecrackerHost, "jailer" | "firecracker" | "version">> {
  const [firecracker, jailer] = [find("firecracker"), find("jailer")];
  const mayOpen = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const lacking = [
    ...(process.arch === "x64" ? [] : [`its machines are made for x86-64 only here, not for ${process.arch}`]),
    ...(firecracker ? [] : ["Firecracker is not installed: there is no `firecracker` in PATH"]),
    ...(jailer ? [] : ["its jailer is not installed: there is no `jailer` in PATH"]),
    ...(mayOpen ? [] : ["there is no /dev/kvm that may be opened, and it needs hardware virtualization"]),
    ...(process.getuid?.() === 0 ? [] : ["the jailer has to be started by root, and the server is not"]),
  ];
  if (!firecracker || !jailer || lacking.length > 0) {
    throw new GloveboxError("isolation_unavailable", lacking.join("; "));
  }
  const [program, version, ofJailer] = await Promise.all([
    realpath(firecracker),
    versionOf(firecracker),
    versionOf(jailer),
  ]);
  if (version !== ofJailer) {
    throw new GloveboxError(
      "isolation_unavailable",
      `Firecracker (${version}) and its jailer (${ofJailer}) are not of one version`,
    );
  }
  return { jailer, firecracker: program, version };
}

/** Of the program whose copy is in the jails. */
export function programName({ firecracker }: FirecrackerHost): string {
  return basename(firecracker);
}

function find(name: string): string | undefined {
  for (const dir of (process.env.PATH ?? "/usr/bin:/bin").split(delimiter)) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Elsewhere, then.
    }
  }
  return undefined;
}

async function versionOf(program: string): Promise<string> {
  try {
    const { stdout } = await run(program, ["--version"], { timeout: VERSION_MS, maxBuffer: 65_536 });
    return /\bv(\d+\.\d+\.\d+[\w.+-]*)/.exec(stdout)?.[1] ?? "unknown";
  } catch (cause) {
    throw new GloveboxError("isolation_unavailable", `${program} does not say its version`, { cause });
  }
}

async function processorOf(): Promise<string> {
  const text = await readFile("/proc/cpuinfo", "utf8");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? process.arch;
}
