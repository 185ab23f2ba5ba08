/** runsc by itself, as its manual shows it: what the gvisor driver is compared with. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runBare } from "./floors.ts";

const FLAGS = ["--platform=ptrace", "--network=none", "--ignore-cgroups"];

export interface BareRunsc extends AsyncDisposable {
  /** A container that runs `true`, from its start to its end. */
  runTrue(): Promise<void>;
  /** Starts a container that sleeps, and leaves a checkpoint of it in place of the one before. Says how long that took. */
  checkpointSleep(): Promise<number>;
  /** Restores that checkpoint and ends it. Says how long it took until runsc said that it runs, milliseconds. */
  restoreSleep(): Promise<number>;
}

/** Bundles in a new folder, whose state and containers go with it. */
export async function startBareRunsc(folder: string): Promise<BareRunsc> {
  const runsc = ["runsc", `--root=${join(folder, "state")}`, ...FLAGS];
  const rootfs = join(folder, "rootfs");
  for (const name of ["usr", "proc", "dev", "tmp"]) await mkdir(join(rootfs, name), { recursive: true });
  for (const name of ["bin", "lib", "lib64"]) await symlink(`usr/${name}`, join(rootfs, name));
  const truth = await bundle(folder, rootfs, "true", ["/bin/true"]);
  const sleep = await bundle(folder, rootfs, "sleep", ["/bin/sleep", "1000"]);
  const image = join(folder, "image");
  let names = 0;
  const name = () => {
    names += 1;
    return `bare-${process.pid}-${names}`;
  };
  return {
    runTrue: () => runBare([...runsc, "run", `--bundle=${truth}`, name()]),
    async checkpointSleep() {
      const id = name();
      await rm(image, { recursive: true, force: true });
      await detached([...runsc, "run", "--detach", `--bundle=${sleep}`, id]);
      const begun = performance.now();
      await runBare([...runsc, "checkpoint", `--image-path=${image}`, id]);
      const ms = performance.now() - begun;
      await runBare([...runsc, "delete", "--force", id]);
      return ms;
    },
    async restoreSleep() {
      const id = name();
      const begun = performance.now();
      await detached([...runsc, "restore", "--detach", `--bundle=${sleep}`, `--image-path=${image}`, id]);
      const ms = performance.now() - begun;
      await runBare([...runsc, "delete", "--force", id]);
      return ms;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What it leaves running keeps its output open: nobody waits for the end of that. */
async function detached(argv: readonly string[]): Promise<void> {
  const child = spawn(argv[0] as string, argv.slice(1), { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
}

async function bundle(folder: string, rootfs: string, name: string, args: readonly string[]): Promise<string> {
  const dir = join(folder, name);
  await mkdir(dir);
  const usr = { destination: "/usr", type: "bind", source: "/usr", options: ["ro", "rbind"] };
  const config = {
    ociVersion: "1.0.0",
    process: { user: { uid: 0, gid: 0 }, args, env: ["PATH=/usr/bin"], cwd: "/" },
    root: { path: rootfs, readonly: true },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }, usr],
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
  };
  await writeFile(join(dir, "config.json"), JSON.stringify(config));
  return dir;
}
