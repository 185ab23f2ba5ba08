import type { WaitingSupervisor } from "../supervisor/index.ts";
import type { StartedMachine } from "./begin-machine.ts";
import type { CopiedProcess } from "./nursery.ts";
import { tellQemu } from "./start-machine.ts";

/** Has a waiting supervisor ask a QEMU that stands still for a copy of its process. Errors: `isolation_unavailable` with why there is none. */
export async function startCopy(
  process: CopiedProcess,
  { supervisor, folder }: WaitingSupervisor,
  { outlive }: { readonly outlive: boolean },
): Promise<StartedMachine> {
  const { uid, disk, io } = process;
  await supervisor.go({
    ...(uid === undefined ? {} : { uid, gid: uid }),
    outlive,
    binds: [],
    fds: [],
    argv: [],
    env: {},
    copy: { folder: process.folder, disk },
  });
  return {
    resume: () => tellQemu(folder, "cont"),
    forkable: false,
    copy: { io, ...(uid === undefined ? {} : { uid }) },
  };
}
