import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How guests' code is run: by the processor, or by QEMU's emulation of one. */
export type Accelerator = "kvm" | "tcg";

/** Translated code that QEMU keeps, MiB. The default would be a gigabyte of address space for each. */
export const TCG_CACHE_MB = 64;

export const CPU_MODELS: Readonly<Record<Accelerator, string>> = { kvm: "host", tcg: "qemu64" };

export function acceleratorOption(accelerator: Accelerator, cpus: number): string {
  if (accelerator === "kvm") return "kvm";
  return `tcg,thread=${cpus > 1 ? "multi" : "single"},tb-size=${TCG_CACHE_MB}`;
}

/** Processors that a guest gets for a share of the host's. */
export function guestCpus(share: number): number {
  return Math.max(1, Math.min(Math.ceil(share), availableParallelism()));
}

/**
 * The kernel's command line. An emulated guest cannot calibrate its clock, and hangs at it now and then unless it is told the rate;
 * there, too, nothing shares its processor's caches with others, so that the mitigations would only cost. Under KVM they stay.
 */
export function kernelWords(accelerator: Accelerator, tscKhz: number): string[] {
  const always =
    "console=ttyS0 quiet panic=-1 reboot=t 8250.nr_uarts=1 random.trust_cpu=on audit=0 cryptomgr.notests pci=off";
  const emulated = `no_timer_check tsc=reliable nokaslr mitigations=off tsc_early_khz=${tscKhz}`;
  return [...always.split(" "), ...(accelerator === "tcg" ? emulated.split(" ") : [])];
}

/** Kilohertz of this host's time stamp counter, as `native/tsc-khz.c` measures it. */
export async function measureTsc(program: string): Promise<number> {
  const { stdout } = await run(program, { timeout: 10_000 });
  return Number.parseInt(stdout, 10);
}
