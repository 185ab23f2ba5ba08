import type { Clock, Logger, Metrics, Redactor, Run } from "../../core/index.ts";
import type { BudgetMeter } from "../budget.ts";
import type { DeterminismGuard } from "../guard/determinism-guard.ts";
import type { JournalSource } from "../journal/reader.ts";
import type { Program } from "../program.ts";
import type { Timers } from "../scheduler/timers.ts";

/** A run that was started for another one. */
export interface ChildRun {
  readonly childId: string;
  readonly parentId: string;
  readonly tenantId: string;
  readonly program: Program;
  readonly input: unknown;
}

export type ChildEnd =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: unknown };

/** What every run of an engine shares. */
export interface Host {
  readonly source: JournalSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly redactor: Redactor | undefined;
  readonly guard: DeterminismGuard;
  /** How long a program and its work may take to end once they are told to, milliseconds. */
  readonly graceMs: number;
  /** A step during which the process ended that often is not tried again. */
  readonly maxDeaths: number;
  /** What a tenant may use over all its runs; `undefined`: as much as it likes. */
  tenantMeter(tenantId: string): Promise<BudgetMeter | undefined>;
  /** Starts a child unless it was started before, and waits for its end. Rejects when the signal aborts; that does not end the child. */
  runChild(child: ChildRun, signal: AbortSignal): Promise<ChildEnd>;
  /** Asks for the end of a run's children that have not ended. */
  cancelChildren(tenantId: string, parentId: string, reason: string): Promise<void>;
  /** Called when records of a run, or what its row says, are on disk. */
  onCommit(runId: string): void;
  /** Called once a run's end is on disk. Never rejects. */
  onEnd(run: Run): Promise<void>;
}
