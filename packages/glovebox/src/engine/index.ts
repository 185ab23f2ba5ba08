/** Durable runs: programs whose every answer is journaled, so that they survive the process and can be replayed. */
export type { DeadRun } from "./dead-run.ts";
export type {
  DurableEngine,
  ForkOptions,
  JournalOptions,
  Restore,
  Restored,
  RestoreOptions,
  RollbackOptions,
  RunHandle,
  SnapshotFact,
  StartOptions,
} from "./durable-engine.ts";
export { type EmbeddedEngineOptions, openEmbeddedEngine } from "./embedded/engine.ts";
export { type BudgetExcess, type BudgetPoint, BudgetTrail } from "./graph/budget-trail.ts";
export type { NodeKind, NodeStatus, NodeWait, RunEdge, RunGraph, RunNode } from "./graph/run-graph.ts";
export { RunTree } from "./graph/run-tree.ts";
export type { TreeRecord } from "./graph/tree-record.ts";
export { outsideProgram } from "./guard/guard.ts";
export type { JournalRecord, RecordType } from "./journal/record.ts";
export type { ImportReport } from "./journal/transfer.ts";
export type { Verification } from "./journal/verify.ts";
export type { JsonValue } from "./json-value.ts";
export {
  type BudgetState,
  type Continuation,
  defineProgram,
  Parked,
  type Program,
  type ProgramContext,
  type RetryPolicy,
  type StepContext,
  type StepOptions,
} from "./program.ts";
export type { Difference, LiveDifference, ReplayOptions, ReplayReport } from "./replay-report.ts";
export { isRetryable, nextDelayMs } from "./retry.ts";
export { type DeadLetter, Scheduler, type SchedulerOptions, type Task } from "./scheduler/scheduler.ts";
export { runTasks, type TaskResult } from "./tasks/run-tasks.ts";
export { type GraphLimits, TaskGraph, type TaskNode } from "./tasks/task-graph.ts";
