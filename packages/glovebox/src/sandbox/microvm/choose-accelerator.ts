import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newLineKey } from "../agent/index.ts";
import { FIRST_EPOCH } from "../bubblewrap/epoch.ts";
import type { Accelerator } from "./accelerator.ts";
import { kernelWords } from "./accelerator.ts";
import { discard, greetAgent, type MachineRoom } from "./machines.ts";
import { makeWorkspaceDisk } from "./sparse-copy.ts";
import { startMachine } from "./start-machine.ts";

/** A guest that has not answered by then under KVM never will: it hangs. */
const KVM_MS = 5_000;

/**
 * KVM if a guest really boots with it, else emulation. That /dev/kvm can be opened, and even a machine be made, proves nothing. The answer
 * is kept with the versions of QEMU and the guests' kernel and of this host's.
 */
export async function chooseAccelerator(room: MachineRoom, cacheDir: string): Promise<Accelerator> {
  const mayOpen = await access("/dev/kvm", constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!mayOpen) return "tcg";
  const { compatibility } = room.host;
  const about = JSON.stringify({ ...compatibility, host: (await readFile("/proc/version", "utf8")).trim() });
  const path = join(cacheDir, "kvm.json");
  const kept = await readFile(path, "utf8").then(JSON.parse, () => undefined);
  if (kept?.about === about) return kept.works ? "kvm" : "tcg";
  const works = await bootsWithKvm(room);
  await mkdir(cacheDir, { recursive: true });
  await writeFile(path, JSON.stringify({ about, works }), { mode: 0o644 }).catch(() => {
    // Another user's cache: it is tried again by the next server.
  });
  return works ? "kvm" : "tcg";
}

/** Only as far as the agent: with the tools for a root, because no image is needed for that. */
async function bootsWithKvm(room: MachineRoom): Promise<boolean> {
  const { host } = room;
  const waiting = await room.pool.take();
  const uid = room.uids?.take();
  try {
    const workspace = join(waiting.folder, "workspace");
    await makeWorkspaceDisk(workspace, 16);
    await startMachine(
      host,
      waiting,
      {
        accelerator: "kvm",
        cpus: 1,
        ramMb: 192,
        kernel: host.kernel.vmlinux,
        initramfs: host.initramfs,
        words: [...kernelWords("kvm", host.tscKhz), "--"],
        disks: [
          { serial: "root", path: host.tools },
          { serial: "tools", path: host.tools },
          { serial: "workspace", path: workspace, writable: true },
        ],
        memory: { kind: "ram" },
      },
      { uid, outlive: false },
    );
    const connection = await greetAgent(waiting, { epoch: FIRST_EPOCH, lineKey: newLineKey(), timeoutMs: KVM_MS });
    await connection.close();
    return true;
  } catch {
    return false;
  } finally {
    await discard(waiting);
    if (uid !== undefined) room.uids?.release(uid);
  }
}
