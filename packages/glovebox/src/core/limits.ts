import { z } from "zod";

const ms = z
  .number()
  .int()
  .min(1)
  .max(7 * 24 * 3_600_000);
const count = z.number().int().min(1);

/** Limits of one execution. */
export const ExecutionLimits = z.strictObject({
  /** Wall time of the work, milliseconds. Default 30,000. */
  wallMs: ms,
  /** CPU time of the execution's process tree, milliseconds. Default 20,000. */
  cpuMs: ms,
  /** Wall time of compiling (Rust), milliseconds; not part of `wallMs`. Default 60,000. */
  compileMs: ms,
  /** Bytes of output kept per stream. Default 1 MiB. */
  outputBytes: count.max(1 << 30),
  /** Events of one execution. Default 50,000. */
  maxEvents: count.max(10_000_000),
});
export type ExecutionLimits = z.infer<typeof ExecutionLimits>;

/** Limits of one session's sandbox. */
export const SessionLimits = z.strictObject({
  /** CPUs, fractions allowed. Default 1. */
  cpus: z.number().min(0.05).max(1024),
  /** Memory of all processes and memory-backed files, MiB. Default 512. */
  memoryMb: count.min(16).max(4 << 20),
  /** Threads and processes. Default 256. */
  pids: count.min(8).max(1 << 20),
  /** Open files per process. Default 512. */
  openFiles: count.min(16).max(1 << 20),
  /** Bytes in the workspace, MiB. Default 1,024. */
  diskMb: count.max(1 << 24),
});
export type SessionLimits = z.infer<typeof SessionLimits>;

export const Limits = z.strictObject({ ...ExecutionLimits.shape, ...SessionLimits.shape });
export type Limits = z.infer<typeof Limits>;
export type LimitName = keyof Limits;

/** How one limit was put into effect. `applied` is `null` when it was not. */
export interface AppliedLimit {
  readonly limit: LimitName | "network" | "uid";
  readonly requested: number | string;
  readonly applied: number | string | null;
  /** `cgroup-v2`, `cgroup-v1`, `rlimit`, `affinity`, `watchdog`, `host`, `namespace`, `engine` or `none`. */
  readonly mechanism: string;
  readonly reason?: string;
}
