import type { AppliedLimit, SessionLimits } from "../../core/index.ts";
import { planCpus, reasonOf, refuseUnapplied, taken } from "../bubblewrap/limit-plan.ts";
import type { SandboxCgroup } from "../cgroup/index.ts";

/** How the limits of one sandbox are put into effect. */
export interface LimitPlan {
  readonly applied: readonly AppliedLimit[];
  /** For the agent's watchdogs. */
  readonly watch: { readonly memoryBytes: number; readonly diskBytes: number; readonly pids: number };
  /** Number of CPUs to be bound to, where no cgroup shares them out. */
  readonly cpuCount?: number;
  /** RLIMIT_NPROC of user code. */
  readonly nproc: number;
  readonly tmpBytes: number;
  readonly shmBytes: number;
}

const MIB = 1 << 20;
/** runsc's three processes: the user-space kernel, the gofer and the command. */
const KERNEL_BYTES = 256 * MIB;
/** What programs may take between two looks of the watchdog: the cgroup ends the whole sandbox, so it comes second. */
const SLACK = 2;
/** On the host a program is some threads of the user-space kernel and a process of its own. */
const HOST_TASKS_PER_PROGRAM = 4;
const KERNEL_TASKS = 256;

/**
 * Writes the cgroup's limits and decides the mechanism of every limit. What programs take is the memory of one process on
 * the host, the user-space kernel, which the host's kernel could only kill as a whole: so the agent watches inside, and the
 * cgroup bounds the sandbox from outside. Errors: `limits_unenforceable`, naming each that cannot be applied, unless `allowPartial`.
 */
export function planLimits(
  limits: SessionLimits,
  cgroup: SandboxCgroup,
  uid: number,
  allowPartial: boolean,
  network: "proxy" | "none",
): LimitPlan {
  const outcome = cgroup.setLimits({
    memoryBytes: limits.memoryMb * MIB * SLACK + KERNEL_BYTES,
    pids: limits.pids * HOST_TASKS_PER_PROGRAM + KERNEL_TASKS,
    cpus: limits.cpus,
  });
  const outside = (held: typeof outcome.memory) =>
    held.set ? `a ${held.mechanism} bounds the whole sandbox from outside` : `no cgroup: ${reasonOf(held)}`;
  // The watchdog sees processes only: the share of memory-backed files is cut off first.
  const fileBytes = Math.floor(limits.memoryMb / 16) * MIB || MIB;
  const cpu = planCpus(limits.cpus, outcome.cpu);
  const applied: AppliedLimit[] = [
    taken(
      "memoryMb",
      limits.memoryMb,
      "watchdog",
      `programs share one process on the host; ${outside(outcome.memory)}`,
    ),
    taken("pids", limits.pids, "rlimit", `counted in the sandbox; ${outside(outcome.pids)}`),
    cpu.applied,
    taken("openFiles", limits.openFiles, "rlimit"),
    taken("diskMb", limits.diskMb, "watchdog", "no project quota on the workspace's file system"),
    { limit: "network", requested: network, applied: network, mechanism: "namespace" },
    { limit: "uid", requested: "own", applied: uid, mechanism: "host" },
  ];
  refuseUnapplied(applied, allowPartial);
  return {
    applied,
    watch: {
      memoryBytes: limits.memoryMb * MIB - 2 * fileBytes,
      diskBytes: limits.diskMb * MIB,
      pids: limits.pids,
    },
    ...(cpu.count === undefined ? {} : { cpuCount: cpu.count }),
    // The agent counts, too.
    nproc: limits.pids,
    tmpBytes: fileBytes,
    shmBytes: fileBytes,
  };
}
