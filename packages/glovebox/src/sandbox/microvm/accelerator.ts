import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How guests' code is run: by the processor, or by QEMU's emulation of one. */
export type Accelerator = "kvm" | "tcg";

/** Translated code that QEMU keeps, MiB. The default would be a gigabyte of address space for each. */
export const TCG_CACHE_MB = 64;

/** `arat`: without it a guest takes its timer for one that stops in idleness, and lets it ring 250 times a second all its life. */
export const CPU_MODELS: Readonly<Record<Accelerator, string>> = { kvm: "host", tcg: "qemu64,+arat" };

export function acceleratorOption(accelerator: Accelerator, cpus: number): string {
  if (accelerator === "kvm") return "kvm";
  return `tcg,thread=${cpus > 1 ? "multi" : "single"},tb-size=${TCG_CACHE_MB}`;
}

/** Processors that a guest gets for a share of the host's. */
export function guestCpus(share: number): number {
  return Math.max(1, Math.min(Math.ceil(share), availableParallelism()));
}

/** What an emulated kernel would spend a seventh of its boot on, and nothing in a guest asks for: tracing by kprobes, slab's figures in /sys, a test of a cipher. */
const UNUSED_PARTS = "init_kprobe_trace,slab_sysfs_init,crypto_kdf108_init";

/**
 * The kernel's command line. An emulated guest cannot calibrate its clock, and hangs at it now and then unless it is told the rate;
 * there, too, nothing shares its processor's caches with others, so that the mitigations would only cost. Under KVM they stay.
 */
export function kernelWords(accelerator: Accelerator, tscKhz: number): string[] {
  const always =
    "console=ttyS0 quiet panic=-1 reboot=t 8250.nr_uarts=1 random.trust_cpu=on audit=0 cryptomgr.notests pci=off";
  const emulated = `no_timer_check tsc=reliable nokaslr mitigations=off apparmor=0 initcall_blacklist=${UNUSED_PARTS} tsc_early_khz=${tscKhz}`;
  return [...always.split(" "), ...(accelerator === "tcg" ? emulated.split(" ") : [])];
}

/** Kilohertz of this host's time stamp counter, as `native/tsc-khz.c` measures it. */
export async function measureTsc(program: string): Promise<number> {
  const { stdout } = await run(program, { timeout: 10_000 });
  return Number.parseInt(stdout, 10);
}
