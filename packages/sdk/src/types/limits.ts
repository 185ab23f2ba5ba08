/** Limits of one execution. */
export interface ExecutionLimits {
  /** Wall time of the work, milliseconds. Default 30,000. */
  readonly wallMs: number;
  /** CPU time of the execution's process tree, milliseconds. Default 20,000. */
  readonly cpuMs: number;
  /** Wall time of compiling (Rust), milliseconds; not part of `wallMs`. Default 60,000. */
  readonly compileMs: number;
  /** Bytes of output kept per stream. Default 1 MiB. */
  readonly outputBytes: number;
  /** Events of one execution. Default 50,000. */
  readonly maxEvents: number;
}

/** Limits of one session's sandbox. */
export interface SessionLimits {
  /** CPUs, fractions allowed. Default 1. */
  readonly cpus: number;
  /** Memory of all processes and memory-backed files, MiB. Default 512. */
  readonly memoryMb: number;
  /** Threads and processes. Default 256. */
  readonly pids: number;
  /** Open files per process. Default 512. */
  readonly openFiles: number;
  /** Bytes in the workspace, MiB. Default 1,024. */
  readonly diskMb: number;
}

export interface Limits extends ExecutionLimits, SessionLimits {}

/** Some of the limits; what is left out keeps its default. */
export type Some<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** How one limit was put into effect. `applied` is `null` when it was not. */
export interface AppliedLimit {
  readonly limit: string;
  readonly requested: number | string;
  readonly applied: number | string | null;
  readonly mechanism: string;
  readonly reason?: string;
}
