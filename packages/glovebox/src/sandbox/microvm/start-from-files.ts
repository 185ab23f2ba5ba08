import { join } from "node:path";
import type { WaitingSupervisor } from "../supervisor/index.ts";
import type { StartedMachine } from "./begin-machine.ts";
import type { Memory } from "./machine.ts";
import { type MachineRoom, specOf } from "./machines.ts";
import type { Facts } from "./origin.ts";
import { IMAGE_FILES } from "./save-live.ts";
import { sparseCopy } from "./sparse-copy.ts";
import { resumeIn, type StartOptions, startMachine } from "./start-machine.ts";

/** Starts QEMU in a waiting supervisor, to go on from the files of a template or an image. Errors: `isolation_unavailable`. */
export async function startFromFiles(
  room: MachineRoom,
  before: Facts,
  waiting: WaitingSupervisor,
  options: StartOptions,
): Promise<StartedMachine> {
  const { memory, memoryApart } = await placeFiles(before, waiting.folder);
  const machine = await specOf(room, before.shape, {
    workspace: join(waiting.folder, IMAGE_FILES.workspace),
    memory,
    state: before.files.state,
  });
  await startMachine(room.host, waiting, machine, options);
  return {
    resume: () => resumeIn(waiting.folder, memoryApart),
    forkable: memory.kind === "file" && memory.shared,
  };
}

async function placeFiles(
  { files, ownMemory }: Facts,
  folder: string,
): Promise<{ memory: Memory; memoryApart: boolean }> {
  const own = join(folder, IMAGE_FILES.memory);
  await Promise.all([
    sparseCopy(files.workspace, join(folder, IMAGE_FILES.workspace)),
    ...(ownMemory && files.memory !== undefined ? [sparseCopy(files.memory, own)] : []),
  ]);
  if (files.memory === undefined) return { memory: { kind: "ram" }, memoryApart: false };
  return { memory: { kind: "file", path: ownMemory ? own : files.memory, shared: ownMemory }, memoryApart: true };
}
