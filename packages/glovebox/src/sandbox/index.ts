/** Isolation drivers behind one interface: a library that can be used alone. */
export { BubblewrapDriver, type BubblewrapOptions } from "./bubblewrap/index.ts";
export { type DoctorReport, diagnose } from "./doctor.ts";
export type {
  AttachOptions,
  DriverCapabilities,
  IsolationDriver,
  KernelOptions,
  ProbeResult,
  Sandbox,
  SandboxEnd,
  SandboxNetwork,
  SandboxRecord,
  SandboxSpec,
  SandboxStats,
  SweepReport,
} from "./driver.ts";
export type { FileChange, FileStat, SandboxFiles } from "./files.ts";
export { ISOLATION_PREFERENCE } from "./isolation-preference.ts";
export type { KernelMessage, KernelRequest } from "./kernel-message.ts";
export {
  type LimitKind,
  type OutputChunk,
  type OutputStream,
  type ProcessExit,
  type ProcessItem,
  type ProcessLimits,
  type SandboxProcess,
  type SignalScope,
  type SpawnSpec,
  STDIN_WINDOW_BYTES,
} from "./process.ts";
