import { type AppliedLimit, GloveboxError, type SessionLimits } from "../../core/index.ts";
import type { SandboxCgroup } from "../cgroup/index.ts";
import { guestCpus, TCG_CACHE_MB } from "./accelerator.ts";

const MIB = 1 << 20;
/** What the guest's kernel, its agent and its own file systems take beside user code, MiB. */
const GUEST_OWN_MB = 128;
/** What QEMU takes beside the guest's memory, MiB. */
const QEMU_OWN_MB = TCG_CACHE_MB + 96;
/** Threads of QEMU, and bwrap. */
const HOST_PROCESSES = 64;

/** How big a machine is for limits. A clone must be as its template. */
export interface MachineSize {
  readonly cpus: number;
  readonly ramMb: number;
  /** For `native/init`. */
  readonly words: readonly string[];
}

export function machineSize(limits: SessionLimits, network: boolean): MachineSize {
  const { memoryMb, pids } = limits;
  const part = (share: number) => Math.floor(memoryMb / share) * MIB || MIB;
  return {
    cpus: guestCpus(limits.cpus),
    // With the kernel's table of pages, a sixty-fourth of all there is.
    ramMb: Math.ceil((memoryMb + GUEST_OWN_MB) * 1.03),
    words: [
      `memory=${memoryMb * MIB}`,
      `pids=${pids}`,
      `tmp=${part(2)}`,
      `shm=${part(4)}`,
      ...(network ? ["network"] : []),
    ],
  };
}

/**
 * Writes the limits of QEMU's cgroup and says how each of the session's is held. Errors: `limits_unenforceable`, naming those that cannot
 * be applied, unless `allowPartial`. `sharesUid`: with other machines.
 */
export function applyLimits(
  limits: SessionLimits,
  size: MachineSize,
  cgroup: SandboxCgroup,
  uid: number | undefined,
  allowPartial: boolean,
  network: "proxy" | "none",
  sharesUid = false,
): AppliedLimit[] {
  const outcome = cgroup.setLimits({
    memoryBytes: (size.ramMb + QEMU_OWN_MB) * MIB,
    pids: HOST_PROCESSES,
    cpus: Math.min(limits.cpus, size.cpus),
  });
  const whole = Number.isInteger(limits.cpus);
  const cpus: AppliedLimit = outcome.cpu.set
    ? { limit: "cpus", requested: limits.cpus, applied: limits.cpus, mechanism: outcome.cpu.mechanism }
    : whole || limits.cpus >= size.cpus
      ? {
          limit: "cpus",
          requested: limits.cpus,
          applied: size.cpus,
          mechanism: "guest",
          reason: `no cgroup: ${outcome.cpu.reason}`,
        }
      : {
          limit: "cpus",
          requested: limits.cpus,
          applied: null,
          mechanism: "none",
          reason: `fractions of a CPU need one; no cgroup: ${outcome.cpu.reason}`,
        };
  if (cpus.applied === null && !allowPartial) {
    throw new GloveboxError("limits_unenforceable", `Limits that cannot be applied here: cpus (${cpus.reason})`, {
      details: { limits: ["cpus"] },
    });
  }
  const inGuest = (limit: "memoryMb" | "pids" | "diskMb") => ({
    limit,
    requested: limits[limit],
    applied: limits[limit],
    mechanism: "guest",
  });
  return [
    inGuest("memoryMb"),
    inGuest("pids"),
    cpus,
    { limit: "openFiles", requested: limits.openFiles, applied: limits.openFiles, mechanism: "rlimit" },
    inGuest("diskMb"),
    { limit: "network", requested: network, applied: network, mechanism: "namespace" },
    uid === undefined
      ? {
          limit: "uid",
          requested: "own",
          applied: process.getuid?.() ?? null,
          mechanism: "guest",
          reason: "the server is not root: its machines run under its uid",
        }
      : {
          limit: "uid",
          requested: "own",
          applied: uid,
          mechanism: "host",
          ...(sharesUid ? { reason: "all copies of one process have its uid" } : {}),
        },
  ];
}
