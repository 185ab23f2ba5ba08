import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import type { WaitingSupervisor } from "../supervisor/index.ts";
import { withSocketPath } from "../supervisor/index.ts";
import { launchArgv, type Mount } from "./launch-argv.ts";
import { FDS, type MachineSpec, machineFiles, qemuArgv, VM_PATHS } from "./machine.ts";
import { migrated } from "./migrated.ts";
import { type PreparedHost, QMP_NAME } from "./prepare-host.ts";
import { Qmp } from "./qmp.ts";

export interface StartOptions {
  /** The session's own uid on the host; absent: the server's. */
  readonly uid: number | undefined;
  readonly outlive: boolean;
}

/**
 * The folder by which QEMU reaches a socket of ours to hand over state, in its run folder. Its copies have the same, so that none may look what
 * there is: they have to be told.
 */
export const IO_NAME = "io";

/**
 * Starts QEMU in a waiting supervisor whose folder has its final name. Resolves when it was started, not when its guest answers; with a
 * `state` it goes on from there. Errors: `isolation_unavailable`.
 */
export async function startMachine(
  host: PreparedHost,
  waiting: WaitingSupervisor,
  spec: MachineSpec,
  options: StartOptions,
): Promise<void> {
  const { folder, supervisor } = waiting;
  const { uid } = options;
  const io = join(folder, IO_NAME);
  await mkdir(io);
  await chmod(io, 0o711);
  const files = machineFiles(spec);
  if (uid !== undefined) {
    for (const { path, writable } of files) if (writable) await chown(path, uid, uid);
  }
  const mounts: Mount[] = [
    ...files.map(({ path, name, writable }) => ({ source: path, target: `${VM_PATHS.dir}/${name}`, writable })),
    { source: io, target: VM_PATHS.io },
  ];
  const library = spec.copied || (!host.readsMemoryOnly && spec.memory.kind === "file" && !spec.memory.shared);
  if (library) mounts.push({ source: host.library, target: VM_PATHS.library });
  // As root the supervisor mounts them into its stage first: QEMU's uid may not walk through the server's folders.
  const staged = host.asRoot ? mounts.map((mount) => ({ ...mount, source: mount.target })) : mounts;
  const kvm: Mount[] = spec.accelerator === "kvm" ? [{ source: "/dev/kvm", target: "/dev/kvm", device: true }] : [];
  await supervisor.go({
    ...(uid === undefined ? {} : { uid, gid: uid }),
    outlive: options.outlive,
    binds: host.asRoot ? mounts.map(({ source, target }) => [source, target] as const) : [],
    fds: [FDS.agent, FDS.qmp, ...(spec.copied ? [FDS.fork, FDS.keeper] : [])],
    ...(spec.copied ? { keeper: FDS.keeper } : {}),
    argv: launchArgv({
      bwrap: host.bwrap,
      links: host.links,
      mounts: [...staged, ...kvm],
      qemu: qemuArgv(host.qemu, spec, host.readsMemoryOnly),
      library,
      hasState: spec.state !== undefined,
    }),
    env: {},
  });
}

/** Connects to the QEMU of a run folder. `timeoutMs`: for each of its answers, default 30 s. Errors: `unavailable`. */
export function openQmp(folder: string, timeoutMs?: number): Promise<Qmp> {
  return withSocketPath(folder, (path) => Qmp.open(path, timeoutMs), QMP_NAME);
}

/** One command, over a connection of its own. Errors: `unavailable`, `internal`. */
export async function tellQemu(folder: string, command: "stop" | "cont", timeoutMs?: number): Promise<void> {
  const qmp = await openQmp(folder, timeoutMs);
  try {
    await qmp.run(command);
  } finally {
    qmp.close();
  }
}

/** Has a machine that was started with a state go on from it. `memoryApart`: the state is without the memory, which has a file. */
export async function goOn(qmp: Qmp, memoryApart: boolean): Promise<void> {
  const capabilities = [{ capability: "x-ignore-shared", state: memoryApart }];
  const set = qmp.run("migrate-set-capabilities", { capabilities });
  const load = qmp.run("migrate-incoming", { uri: `fd:${FDS.state}` });
  await Promise.all([set, load]);
  // It was saved standing still. Told to go on before the state is in, it would not.
  await migrated(qmp);
  await qmp.run("cont");
}

/** The same over a connection of its own. */
export async function resumeIn(folder: string, memoryApart: boolean): Promise<void> {
  const qmp = await openQmp(folder);
  try {
    await goOn(qmp, memoryApart);
  } finally {
    qmp.close();
  }
}

/** What QEMU or its guest's console said, for a machine that did not start. */
export async function explain(waiting: WaitingSupervisor, error: unknown): Promise<GloveboxError> {
  const log = await waiting.supervisor.log();
  const why = log || (error instanceof Error ? error.message : String(error));
  return new GloveboxError("isolation_unavailable", `The microVM did not start: ${why}`, { cause: error });
}
