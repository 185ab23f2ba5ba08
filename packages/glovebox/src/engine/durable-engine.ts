import type { Budget, Run } from "../core/index.ts";
import type { Page, RunFilter } from "../store/index.ts";
import type { ReplayReport } from "./embedded/replay.ts";
import type { JournalRecord } from "./journal/record.ts";
import type { ImportReport } from "./journal/transfer.ts";
import type { Verification } from "./journal/verify.ts";
import type { Program } from "./program.ts";

export interface StartOptions {
  readonly tenantId: string;
  /** Starting again with the same key and input gives the first run; with another input or program: `conflict`. */
  readonly idempotencyKey?: string;
  /** Higher first; default 0. */
  readonly priority?: number;
  /** From now on, downtime included; `deadline_exceeded` afterwards. */
  readonly timeoutMs?: number;
  readonly budget?: Budget;
}

export interface RunHandle<Output> {
  readonly id: string;
  /** See {@link DurableEngine.result}. */
  result(signal?: AbortSignal): Promise<Output>;
}

export interface ForkOptions {
  /** The path of the step at which the new run parts from the old one. */
  readonly step: string;
  /** What that step gets instead; absent: what the program gives it. */
  readonly input?: unknown;
}

/**
 * Runs programs that survive the process. Every method that names a run rejects with `not_found` when the tenant has none such. Steps are done at
 * least once: one that completed never again, one that was under way when the process died once more, with the same key.
 */
export interface DurableEngine extends AsyncDisposable {
  /** Makes a program known. What an engine finds unfinished goes on once its program is known. */
  register(program: Program): void;
  /** On disk when it resolves. `invalid_argument` when the input does not fit, `queue_full` when there is no room. */
  start<Input, Output>(
    program: Program<Input, Output>,
    input: Input,
    options: StartOptions,
  ): Promise<RunHandle<Output>>;
  get(tenantId: string, id: string): Promise<Run>;
  list(tenantId: string, filter?: RunFilter): Promise<Page<Run>>;
  /** Waits for the run's end and gives its output, or rejects with its error. Aborting ends only the waiting. */
  result(tenantId: string, id: string, signal?: AbortSignal): Promise<unknown>;
  /** On disk when it resolves. A signal that nobody waits for is kept until somebody does. `conflict` when the run has ended. */
  signal(tenantId: string, id: string, signal: string, payload?: unknown): Promise<void>;
  /** Asks for the end; resolves once that is on disk. `conflict` when the run has ended. */
  cancel(tenantId: string, id: string, reason?: string): Promise<void>;
  /** Takes up a run that stopped without an end: because its program was unknown or had changed, or its journal could not be written. */
  resume(tenantId: string, id: string): Promise<void>;
  /** Executes the run's program from the journal alone and compares its decisions. */
  replay(tenantId: string, id: string): Promise<ReplayReport>;
  /** A new run that has the old one's history up to a step, and its own from there. `not_found` when the journal has no such step. */
  fork(tenantId: string, id: string, options: ForkOptions): Promise<RunHandle<unknown>>;
  /** The journal's records in order, after `afterSeq`; ends with the last that is there. */
  journal(tenantId: string, id: string, options?: { readonly afterSeq?: number }): AsyncIterable<JournalRecord>;
  /** The whole journal as JSONL, a line at a time, payloads in line. */
  export(tenantId: string, id: string): AsyncIterable<string>;
  /** Takes in what {@link export} gave, as a run that can be looked at and replayed. Says so when its tail is torn. `journal_corrupt` when it is damaged. */
  import(tenantId: string, lines: AsyncIterable<string> | Iterable<string>): Promise<ImportReport>;
  /** Checks every hash, payloads in blobs too, and says where the first is that does not fit. */
  verify(tenantId: string, id: string): Promise<Verification>;
  /** Ends all work here. What has not ended goes on with the next engine. `drainMs`: how long work under way may take before; default 0. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}
