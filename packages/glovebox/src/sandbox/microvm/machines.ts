import { renameSync } from "node:fs";
import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { type AgentConnection, connectAgent, newLineKey } from "../agent/index.ts";
import { FIRST_EPOCH } from "../bubblewrap/epoch.ts";
import { BASE_ENV, INSIDE } from "../bubblewrap/inside.ts";
import type { UidRange } from "../bubblewrap/uid-range.ts";
import { KERNEL_LOAD_ENV, kernelArgv } from "../kernel/index.ts";
import type { SupervisorPool, WaitingSupervisor } from "../supervisor/index.ts";
import { withSocketPath } from "../supervisor/index.ts";
import { kernelWords } from "./accelerator.ts";
import { type Disk, type MachineSpec, type Memory, TEMPLATE_TIME } from "./machine.ts";
import type { PreparedHost } from "./prepare-host.ts";
import type { MachineShape } from "./record.ts";
import { saveState } from "./save-state.ts";
import { spareTag } from "./spare-kernels.ts";
import { makeWorkspaceDisk, sparseMove } from "./sparse-copy.ts";
import { packagesDisk } from "./squashfs.ts";
import { explain, IO_NAME, openQmp, startMachine } from "./start-machine.ts";
import type { TemplateWish } from "./templates.ts";

/** How long a guest may take from its kernel to the agent, milliseconds: on a busy host without KVM that is many seconds. */
const BOOT_MS = 60_000;
const KERNEL_START_MS = 60_000;
const SLICE_MS = 5;
const MIB = 1 << 20;

/** What machines are started with, beside their shape. */
export interface MachineRoom {
  readonly host: PreparedHost;
  readonly pool: SupervisorPool;
  readonly cacheDir: string;
  readonly uids: UidRange | undefined;
  /** Path of a root image by its content. */
  readonly rootOf: (image: MachineShape["image"]) => Promise<string>;
}

/** The whole of a machine from its shape, its own disk and where its memory comes from. */
export async function specOf(
  room: MachineRoom,
  shape: MachineShape,
  own: {
    readonly workspace: string;
    readonly memory: Memory;
    readonly state?: string;
    readonly console?: boolean;
    readonly copied?: boolean;
  },
): Promise<MachineSpec> {
  const { host } = room;
  const disks: Disk[] = [
    { serial: "root", path: await room.rootOf(shape.image) },
    { serial: "tools", path: host.tools },
    { serial: "workspace", path: own.workspace, writable: true },
  ];
  if (shape.packages !== undefined) {
    disks.push({ serial: "packages", path: await packagesDisk(room.cacheDir, shape.packages) });
  }
  const { accelerator, cpus, ramMb } = shape;
  return {
    accelerator,
    cpus,
    ramMb,
    kernel: host.kernel.vmlinux,
    initramfs: host.initramfs,
    words: [...kernelWords(accelerator, host.tscKhz), "--", ...shape.words],
    disks,
    memory: own.memory,
    ...(own.state === undefined ? {} : { state: own.state }),
    ...(own.console ? { console: true } : {}),
    ...(own.copied ? { copied: true } : {}),
  };
}

/** A machine with an empty disk and its memory in a file, in the folder of a waiting supervisor, before it starts. */
export interface NewMachine {
  readonly waiting: WaitingSupervisor;
  readonly spec: MachineSpec;
  readonly memory: string;
  readonly workspace: string;
  readonly lineKey: Buffer;
}

export async function newMachine(
  room: MachineRoom,
  { shape, diskMb }: Pick<TemplateWish, "shape" | "diskMb">,
  waiting: WaitingSupervisor,
): Promise<NewMachine> {
  const [memory, workspace] = [join(waiting.folder, "memory"), join(waiting.folder, "workspace")];
  await writeFile(memory, "", { mode: 0o600 });
  await truncate(memory, shape.ramMb * MIB);
  await makeWorkspaceDisk(workspace, diskMb);
  const spec = await specOf(room, shape, {
    workspace,
    memory: { kind: "file", path: memory, shared: true },
    console: true,
  });
  return { waiting, spec, memory, workspace, lineKey: newLineKey() };
}

/** Boots it. Resolves when its agent has answered; what its console said is in the error of one that did not: `isolation_unavailable`. */
export async function bootMachine(
  room: MachineRoom,
  { waiting, spec, lineKey }: NewMachine,
  uid: number | undefined,
): Promise<AsyncDisposable & { readonly connection: AgentConnection }> {
  await startMachine(room.host, waiting, spec, { uid, outlive: false });
  return bootedAgent(waiting, lineKey);
}

/** Boots a machine, has it start the kernels that are wished for, and saves it into `dir`. Returns the key of its line. */
export async function buildTemplate(room: MachineRoom, wish: TemplateWish, dir: string): Promise<Buffer> {
  const waiting = await room.pool.take();
  const uid = room.uids?.take();
  try {
    const machine = await newMachine(room, wish, waiting);
    const { memory, workspace, lineKey } = machine;
    await using agent = await bootMachine(room, machine, uid);
    for (const language of wish.kernels) await startSpare(agent.connection, language, wish);
    await agent.connection.close();
    const qmp = await openQmp(waiting.folder);
    await qmp.run("stop");
    await saveState(qmp, join(waiting.folder, IO_NAME), join(dir, "state"), { memoryApart: true, most: 64 * MIB });
    qmp.close();
    await waiting.supervisor.kill();
    await sparseMove(memory, join(dir, "memory"));
    await sparseMove(workspace, join(dir, "workspace"));
    return lineKey;
  } finally {
    await discard(waiting);
    if (uid !== undefined) room.uids?.release(uid);
  }
}

/** Ends a machine and removes what it had on the host. */
export async function discard({ supervisor, cgroup, folder }: WaitingSupervisor): Promise<void> {
  await supervisor.kill();
  supervisor.release();
  await cgroup.remove();
  await rm(folder, { recursive: true, force: true });
}

/** Gives the folder of a waiting supervisor the name of its sandbox. */
export function nameFolder(waiting: WaitingSupervisor, folder: string): WaitingSupervisor {
  renameSync(waiting.folder, folder);
  waiting.supervisor.moved(folder);
  return { ...waiting, folder };
}

/** Connects to the agent of a machine that starts, or says why it did not. */
export async function greetAgent(
  waiting: WaitingSupervisor,
  options: {
    readonly epoch: bigint;
    readonly lineKey: Buffer;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
  },
): Promise<AgentConnection> {
  const { signal } = options;
  const failed = new AbortController();
  const watching = new AbortController();
  const ended = waiting.supervisor.ended(watching.signal).then(() => {
    if (!watching.signal.aborted) failed.abort();
  });
  ended.catch(() => {});
  const either = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  try {
    return await withSocketPath(waiting.folder, (socketPath) =>
      connectAgent({ ...options, socketPath, signal: either }),
    );
  } catch (error) {
    if (signal?.aborted) throw error;
    // QEMU's end breaks the line a moment before the supervisor has seen it.
    await Promise.race([ended, sleep(200)]);
    throw await explain(waiting, error);
  } finally {
    watching.abort();
  }
}

/** A machine's first connection; what its console said goes into the error. */
async function bootedAgent(
  waiting: WaitingSupervisor,
  lineKey: Buffer,
): Promise<AsyncDisposable & { readonly connection: AgentConnection }> {
  try {
    const connection = await greetAgent(waiting, { epoch: FIRST_EPOCH, lineKey, timeoutMs: BOOT_MS });
    // With the clock comes randomness, for which a kernel that has just booted would look long, and the kernels' languages with it.
    await connection.setClock(Date.parse(`${TEMPLATE_TIME}Z`));
    return { connection, [Symbol.asyncDispose]: () => connection.close() };
  } catch (error) {
    throw new GloveboxError("isolation_unavailable", `${String((error as Error).message)}${await consoleOf(waiting)}`, {
      cause: error,
    });
  }
}

async function consoleOf({ folder, supervisor }: WaitingSupervisor): Promise<string> {
  if (!supervisor.alive) return "";
  try {
    const qmp = await openQmp(folder);
    const text = String(await qmp.run("ringbuf-read", { device: "console", size: 16_384 }));
    qmp.close();
    return `; its console: ${text.slice(-1000).trim()}`;
  } catch {
    return "";
  }
}

/** Starts a kernel and waits until it is ready. What it said stays in the agent, for whoever takes it. */
async function startSpare(
  connection: AgentConnection,
  language: TemplateWish["kernels"][number],
  wish: TemplateWish,
): Promise<void> {
  const argv = kernelArgv(language);
  if (!argv) return;
  const kernel = await connection.spawn({
    argv,
    env: { ...BASE_ENV, ...wish.startEnv, [KERNEL_LOAD_ENV]: "1" },
    cwd: INSIDE.workspace,
    stdin: "null",
    control: true,
    openFiles: wish.openFiles,
    tag: spareTag(language),
  });
  const signal = AbortSignal.timeout(KERNEL_START_MS);
  for await (const item of kernel.output(signal)) {
    if (item.kind === "output" && item.stream === "control") break;
    if (item.kind === "exit")
      throw new GloveboxError("isolation_unavailable", `The ${language} kernel does not start in the image`);
  }
  await sleep(SLICE_MS);
}

/** The name of a sandbox's machine among others, from the part of its id that is random. */
export function machineName(id: string): string {
  return `glovebox-${id.slice(-12)}`;
}
