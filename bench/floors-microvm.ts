/** QEMU by itself, without a sandbox around it and without an agent that is asked: what machines are compared with. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultImagesDir, openImages } from "../packages/glovebox/src/sandbox/images/index.ts";
import type { SandboxRecord } from "../packages/glovebox/src/sandbox/index.ts";
import { CPU_MODELS, kernelWords } from "../packages/glovebox/src/sandbox/microvm/accelerator.ts";
import { FDS, qemuArgv, VM_PATHS } from "../packages/glovebox/src/sandbox/microvm/machine.ts";
import { defaultCacheDir } from "../packages/glovebox/src/sandbox/microvm/options.ts";
import { prepareHost } from "../packages/glovebox/src/sandbox/microvm/prepare-host.ts";
import { Qmp } from "../packages/glovebox/src/sandbox/microvm/qmp.ts";
import { decodeRecord, type MachineShape } from "../packages/glovebox/src/sandbox/microvm/record.ts";
import { goOn } from "../packages/glovebox/src/sandbox/microvm/start-machine.ts";
import { defaultNativeDir, repositoryRoot } from "../packages/glovebox/src/sandbox/native/index.ts";

const host = () => {
  const kernelsDir = join(repositoryRoot(), "kernels");
  const places = { nativeDir: defaultNativeDir(), cacheDir: defaultCacheDir(), kernelsDir, nodePath: process.execPath };
  return prepareHost(places, true);
};

/** A machine's kernel alone: it boots until it finds that there is nothing to run, and ends. */
export async function bareKernel(): Promise<() => Promise<void>> {
  const { qemu, kernel, tscKhz } = await host();
  const words = [...kernelWords("tcg", tscKhz), "quiet", "panic=-1"].join(" ");
  const machine = [
    "-M",
    "microvm,x-option-roms=off,isa-serial=on,rtc=on",
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
  ];
  const engine = ["-display", "none", "-cpu", CPU_MODELS.tcg, "-accel", "tcg,thread=single,tb-size=64", "-m", "660M"];
  const argv = [...machine, ...engine, "-kernel", kernel.vmlinux, "-append", words, "-serial", "null"];
  return async () => {
    const child = spawn(qemu, argv, { stdio: "ignore" });
    await once(child, "close");
  };
}

/** The saved machine that a sandbox of this record began as, restored by QEMU until it runs; `at` tells each one once it does. */
export async function bareRestore(record: SandboxRecord): Promise<BareMachines> {
  const made = await host();
  const { shape } = decodeRecord(record);
  const dir = await mkdtemp(join(tmpdir(), "glovebox-bench-bare-"));
  const template = await newestTemplate();
  const images = openImages({ dir: defaultImagesDir(), definitionsDir: join(repositoryRoot(), "images") });
  const files = {
    kernel: made.kernel.vmlinux,
    initramfs: made.initramfs,
    root: (await images.ensure(shape.image.name)).rootfs,
    tools: made.tools,
    memory: join(template, "memory"),
    state: join(template, "state"),
  };
  for (const [name, path] of Object.entries(files)) await symlink(path, join(dir, name));
  await copyFile(join(template, "workspace"), join(dir, "workspace"));
  return new BareMachines(dir, made.qemu, bareArgv(made, shape, dir));
}

function bareArgv(made: Awaited<ReturnType<typeof host>>, shape: MachineShape, dir: string): string[] {
  const { accelerator, cpus, ramMb } = shape;
  const argv = qemuArgv(
    made.qemu,
    {
      ...{ accelerator, cpus, ramMb, kernel: "", initramfs: "", state: "" },
      words: [...kernelWords(accelerator, made.tscKhz), "--", ...shape.words],
      disks: (["root", "tools", "workspace"] as const).map((serial) => ({
        serial,
        path: "",
        writable: serial === "workspace",
      })),
      memory: { kind: "file", path: "", shared: false },
    },
    made.readsMemoryOnly,
  );
  return argv.slice(1).map((word) => {
    if (word.includes(`fd=${FDS.agent}`)) return "null,id=agent";
    if (word.includes(`fd=${FDS.qmp}`)) return `socket,id=qmp,path=${dir}/qmp,server=on,wait=off`;
    return word.replaceAll(VM_PATHS.dir, dir);
  });
}

export class BareMachines implements AsyncDisposable {
  readonly #dir: string;
  readonly #qemu: string;
  readonly #argv: readonly string[];

  constructor(dir: string, qemu: string, argv: readonly string[]) {
    this.#dir = dir;
    this.#qemu = qemu;
    this.#argv = argv;
  }

  /** One, from its start until its guest runs; then it is killed. */
  async restore(): Promise<number> {
    const begun = performance.now();
    const opened = `exec "$@" ${FDS.state}<${this.#dir}/state`;
    const child = spawn("/bin/sh", ["-c", opened, "sh", this.#qemu, ...this.#argv], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    try {
      const qmp = await this.#dial(child);
      await goOn(qmp, true);
      const ms = performance.now() - begun;
      qmp.close();
      return ms;
    } finally {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "close");
      await rm(join(this.#dir, "qmp"), { force: true });
    }
  }

  async #dial(child: ChildProcess): Promise<Qmp> {
    while (child.exitCode === null) {
      const qmp = await Qmp.open(join(this.#dir, "qmp")).catch(() => undefined);
      if (qmp) return qmp;
      await sleep(1);
    }
    throw new Error("QEMU did not start");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** Using one marks it. */
async function newestTemplate(): Promise<string> {
  const dir = join(defaultCacheDir(), "templates");
  let newest = { path: "", at: 0 };
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    const { mtimeMs } = await stat(join(path, "template.json")).catch(() => ({ mtimeMs: 0 }));
    const { kernels = [] } = mtimeMs > newest.at ? JSON.parse(await readFile(join(path, "template.json"), "utf8")) : {};
    if (kernels.length > 0) newest = { path, at: mtimeMs };
  }
  return newest.path;
}
