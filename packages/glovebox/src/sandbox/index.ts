/** Isolation drivers behind one interface: a library that can be used alone. */
export { BubblewrapDriver, type BubblewrapOptions } from "./bubblewrap/index.ts";
export { type DoctorReport, diagnose } from "./doctor.ts";
export {
  type AttachOptions,
  type DriverCapabilities,
  type IsolationDriver,
  type KernelOptions,
  PACKAGES_DIR,
  type ProbeResult,
  SANDBOX_PATH,
  type Sandbox,
  type SandboxEnd,
  type SandboxNetwork,
  type SandboxRecord,
  type SandboxSpec,
  type SandboxStats,
  type SweepReport,
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
export type {
  ForkReport,
  PauseOptions,
  SnapshotKind,
  SnapshotManifest,
  SnapshotOptions,
} from "./snapshot.ts";
export { combineSnapshots, compareSnapshots, ownBytes, removeTree, syncFolder } from "./trees/index.ts";
