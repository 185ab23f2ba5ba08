import type { Limits } from "./limits.ts";

/** What a template gets for the limits that it does not name. */
export const DEFAULT_LIMITS: Limits = {
  wallMs: 30_000,
  cpuMs: 20_000,
  compileMs: 60_000,
  outputBytes: 1_048_576,
  maxEvents: 50_000,
  cpus: 1,
  memoryMb: 512,
  pids: 256,
  openFiles: 512,
  diskMb: 1024,
};
