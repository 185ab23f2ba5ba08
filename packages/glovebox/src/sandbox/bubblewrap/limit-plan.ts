import { availableParallelism, release } from "node:os";
import { type AppliedLimit, GloveboxError, type SessionLimits } from "../../core/index.ts";
import type { SandboxCgroup } from "../cgroup/index.ts";

/** How the limits of one sandbox are put into effect. */
export interface LimitPlan {
  readonly applied: readonly AppliedLimit[];
  /** For the agent's watchdogs. */
  readonly watch: { readonly memoryBytes?: number; readonly diskBytes: number; readonly pids?: number };
  /** Number of CPUs to be bound to, where no cgroup shares them out. */
  readonly cpuCount?: number;
  /** RLIMIT_NPROC of user code, where the kernel counts it in the sandbox alone. */
  readonly nproc?: number;
  readonly tmpBytes: number;
  readonly shmBytes: number;
}

const MIB = 1 << 20;
/** The supervisor, bwrap, the agent, and the walker by which it measures the disk are in the cgroup, too. */
const OWN_PROCESSES = 4;

/**
 * Writes the cgroup's limits and decides the mechanism of every other. Errors: `limits_unenforceable`, naming each
 * that cannot be applied, unless `allowPartial`.
 */
export function planLimits(
  limits: SessionLimits,
  cgroup: SandboxCgroup,
  uid: number | undefined,
  allowPartial: boolean,
  network: "proxy" | "none" = "none",
): LimitPlan {
  const outcome = cgroup.setLimits({
    memoryBytes: limits.memoryMb * MIB,
    pids: limits.pids + OWN_PROCESSES,
    cpus: limits.cpus,
  });
  // Memory-backed files count against a cgroup's memory; the watchdog sees processes only, so their share is cut off first.
  const counted = outcome.memory.set;
  const tmpBytes = Math.floor(limits.memoryMb / (counted ? 2 : 16)) * MIB || MIB;
  const shmBytes = Math.floor(limits.memoryMb / (counted ? 4 : 16)) * MIB || MIB;
  const watchMemory = limits.memoryMb * MIB - tmpBytes - shmBytes;
  const cpu = planCpus(limits.cpus, outcome.cpu);
  const pids = planPids(limits.pids, outcome.pids);
  const applied: AppliedLimit[] = [
    counted
      ? taken("memoryMb", limits.memoryMb, outcome.memory.mechanism, outcome.memory.reason)
      : taken("memoryMb", limits.memoryMb, "watchdog", `no cgroup: ${reasonOf(outcome.memory)}`),
    pids,
    cpu.applied,
    taken("openFiles", limits.openFiles, "rlimit"),
    taken("diskMb", limits.diskMb, "watchdog", "no project quota on the workspace's file system"),
    { limit: "network", requested: network, applied: network, mechanism: "namespace" },
    uid === undefined
      ? {
          limit: "uid",
          requested: "own",
          applied: process.getuid?.() ?? null,
          mechanism: "namespace",
          reason: "the server is not root: sandboxes run under its uid, apart from each other by namespaces only",
        }
      : { limit: "uid", requested: "own", applied: uid, mechanism: "host" },
  ];
  refuseUnapplied(applied, allowPartial);
  return {
    applied,
    watch: {
      diskBytes: limits.diskMb * MIB,
      ...(counted ? {} : { memoryBytes: watchMemory }),
      ...(pids.mechanism === "watchdog" ? { pids: limits.pids } : {}),
    },
    ...(cpu.count === undefined ? {} : { cpuCount: cpu.count }),
    // The agent counts, too. Beside a cgroup as well: it keeps the last place there for the walker, without which code
    // that takes all others would be free to fill the disk.
    ...(NPROC_IS_THE_SANDBOXS ? { nproc: limits.pids + 1 } : {}),
    tmpBytes,
    shmBytes,
  };
}

type Outcome = ReturnType<SandboxCgroup["setLimits"]>["memory"];

const [MAJOR = 0, MINOR = 0] = release().split(".").map(Number);
/** Since Linux 5.14 RLIMIT_NPROC is counted in each user namespace apart, before over all of a user's processes. */
const NPROC_IS_THE_SANDBOXS = MAJOR > 5 || (MAJOR === 5 && MINOR >= 14);

function planPids(requested: number, outcome: Outcome): AppliedLimit {
  if (outcome.set) return taken("pids", requested, outcome.mechanism);
  const mechanism = NPROC_IS_THE_SANDBOXS ? "rlimit" : "watchdog";
  return taken("pids", requested, mechanism, `no cgroup: ${reasonOf(outcome)}`);
}

export function planCpus(requested: number, outcome: Outcome): { applied: AppliedLimit; count?: number } {
  if (outcome.set) return { applied: taken("cpus", requested, outcome.mechanism) };
  const available = availableParallelism();
  if (requested >= available) {
    return { applied: { limit: "cpus", requested, applied: available, mechanism: "host" } };
  }
  const reason = `no cgroup: ${reasonOf(outcome)}`;
  if (Number.isInteger(requested)) {
    return { applied: taken("cpus", requested, "affinity", reason), count: requested };
  }
  return {
    applied: {
      limit: "cpus",
      requested,
      applied: null,
      mechanism: "none",
      reason: `fractions of a CPU need one; ${reason}`,
    },
    count: Math.ceil(requested),
  };
}

export function taken(limit: AppliedLimit["limit"], value: number, mechanism: string, reason?: string): AppliedLimit {
  const applied = { limit, requested: value, applied: value, mechanism };
  return reason === undefined ? applied : { ...applied, reason };
}

export function reasonOf(outcome: Outcome): string {
  return outcome.set ? "" : outcome.reason;
}

export function refuseUnapplied(applied: readonly AppliedLimit[], allowPartial: boolean): void {
  const missing = applied.filter((limit) => limit.applied === null);
  if (allowPartial || missing.length === 0) return;
  const named = missing.map((limit) => `${limit.limit} (${limit.reason ?? "unknown"})`).join(", ");
  throw new GloveboxError("limits_unenforceable", `Limits that cannot be applied here: ${named}`, {
    details: { limits: missing.map((limit) => limit.limit) },
  });
}
