import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxCgroup } from "../cgroup/index.ts";
import { identify, signalExactly } from "../supervisor/index.ts";

/** What runsc calls the process by which a sandbox reaches files of the host. */
const NAME = "runsc-gofer";

/**
 * Has a sandbox reach no file of the host until the result is disposed of. Of one in which nothing of a guest runs yet: its processes are runsc's then. Nothing where it
 * is not found: it has not been started yet, or there is no cgroup to list processes.
 */
export async function stopGofer(cgroup: SandboxCgroup): Promise<Disposable | undefined> {
  const dir = cgroup.places[0]?.dir;
  const listed = dir === undefined ? "" : await readFile(join(dir, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of listed.split("\n").filter(Boolean).map(Number)) {
    const gofer = identify(pid);
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!gofer || !command.startsWith(`${NAME}\0`) || !signalExactly(gofer, "SIGSTOP")) continue;
    return { [Symbol.dispose]: () => void signalExactly(gofer, "SIGCONT") };
  }
  return undefined;
}
