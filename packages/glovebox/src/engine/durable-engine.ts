import type { Budget, Run } from "../core/index.ts";
import type { Page, PageRequest, RunFilter } from "../store/index.ts";
import type { DeadRun } from "./dead-run.ts";
import type { JournalRecord } from "./journal/record.ts";
import type { ImportReport } from "./journal/transfer.ts";
import type { Verification } from "./journal/verify.ts";
import type { JsonValue } from "./json-value.ts";
import type { Program } from "./program.ts";
import type { ReplayOptions, ReplayReport } from "./replay-report.ts";

export interface StartOptions {
  readonly tenantId: string;
  /** Starting again with the same key and input gives the first run; with another input or program: `conflict`. */
  readonly idempotencyKey?: string;
  /** Higher first: a whole number from -1,000 to 1,000, `invalid_argument` otherwise. Default 0. */
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
  /** What that step, or the child that is started there, gets instead; absent: what the program gives it. */
  readonly input?: unknown;
  /** Or what changes of it: an RFC 7396 merge patch onto what it got in the original, which must be an object. Together with `input`: `invalid_argument`. */
  readonly patch?: unknown;
}

export interface RollbackOptions {
  /** The path of the step before whose first record the run goes on again. */
  readonly step: string;
  /** Kept in the journal; at most 1,000 characters. */
  readonly reason?: string;
}

/** A fact `snapshot.taken` that holds where a run goes back to. */
export interface SnapshotFact {
  /** The path of the step that kept it. */
  readonly step: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What a rollback takes back besides the run's own journal. */
export interface RestoreOptions {
  /** The runs that it had started since then, and theirs: nothing of them counts any more. Their work has ended. */
  readonly descendants: readonly string[];
  readonly signal: AbortSignal;
}

/** Puts back what a run's snapshots are of. What it resolves to is kept in the journal, and given to whoever asked for the rollback. */
export type Restore = (
  run: Run,
  snapshots: readonly SnapshotFact[],
  options: RestoreOptions,
) => Promise<Restored> | Promise<void>;

/** What came of putting things back, by what they are. */
export type Restored = Readonly<Record<string, JsonValue>>;

export interface JournalOptions {
  /** Default 0: from the first. */
  readonly afterSeq?: number;
  /** Goes on with records as they are committed, until the run has ended. Rejects with `unavailable` when the engine closes first. Default false. */
  readonly follow?: boolean;
  /** Ends it, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Runs programs that survive the process. Every method that names a run rejects with `not_found` when the tenant has none such. Steps are done at
 * least once: one that completed never again, one that was under way when the process died once more, with the same key.
 */
export interface DurableEngine extends AsyncDisposable {
  /** Makes a program known. What an engine finds unfinished goes on once its program is known. */
  register(program: Program): void;
  /** All that are registered, in the order of their registration. */
  programs(): readonly Program[];
  /** On disk when it resolves. `invalid_argument` when the input does not fit, `queue_full` when there is no room. */
  start<Input, Output>(
    program: Program<Input, Output>,
    input: Input,
    options: StartOptions,
  ): Promise<RunHandle<Output>>;
  /** `status` and `waitingFor` follow from the journal, and may lag behind what the program does just now. */
  get(tenantId: string, id: string): Promise<Run>;
  list(tenantId: string, filter?: RunFilter): Promise<Page<Run>>;
  /**
   * The failed runs that were tried again in vain, that ended the process too often, or that a full queue dropped, newest first. A run is no longer one once it was taken up
   * again, rolled back or deleted.
   */
  deadLetters(tenantId: string, page?: PageRequest): Promise<Page<DeadRun>>;
  /** Waits for the run's end and gives its output, or rejects with its error. Aborting ends only the waiting. */
  result(tenantId: string, id: string, signal?: AbortSignal): Promise<unknown>;
  /**
   * On disk when it resolves. A signal that nobody waits for is kept until somebody does, 10,000 of them, then `resource_exhausted`. `conflict` when the run's end was
   * on disk before; one that crosses the end may be accepted and never be taken.
   */
  signal(tenantId: string, id: string, signal: string, payload?: unknown): Promise<void>;
  /** Asks for the end; resolves once that is on disk. Work under way is told within a second. `conflict` when the run has ended. */
  cancel(tenantId: string, id: string, reason?: string): Promise<void>;
  /** Takes up a run that stopped without an end: because its program was unknown or had changed, or its journal could not be written. */
  resume(tenantId: string, id: string): Promise<void>;
  /**
   * Takes the run back to before a step, in place: what its journal has from that step's first record on stays there and counts no more, and the run goes on by itself from
   * before it. A running one is stopped first, without compensation. What was spent stays spent, a deadline stays where it was, signals that came later are void. `not_found` when
   * no step that counts has that path, `conflict` on an imported run and while another rollback is under way. Resolves to what the engine's `onRollback` says of what it put back.
   */
  rollback(tenantId: string, id: string, options: RollbackOptions): Promise<Restored | undefined>;
  /** Executes the run's program from the journal alone and compares its decisions. */
  replay(tenantId: string, id: string, options?: ReplayOptions): Promise<ReplayReport>;
  /**
   * A new run that has the old one's history up to a step, and its own from there. The cut is before the step's first record, in the order of the journal: signals
   * received by then come along, taken or not, later ones do not. `not_found` when the journal has no such step.
   */
  fork(tenantId: string, id: string, options: ForkOptions): Promise<RunHandle<unknown>>;
  /** The journal's records in order, after `afterSeq`, also those that a rollback made void; ends with the last that is there. */
  journal(tenantId: string, id: string, options?: JournalOptions): AsyncIterable<JournalRecord>;
  /** The whole journal as JSONL, a line at a time, payloads in line. */
  export(tenantId: string, id: string): AsyncIterable<string>;
  /** Takes in what {@link export} gave, as a run that can be looked at and replayed. Says so when its tail is torn. `journal_corrupt` when it is damaged. */
  import(tenantId: string, lines: AsyncIterable<string> | Iterable<string>): Promise<ImportReport>;
  /** Checks every hash, payloads in blobs too, and says where the first is that does not fit. */
  verify(tenantId: string, id: string): Promise<Verification>;
  /** Removes a run with its journal. `conflict` unless it has ended, and the run that started it too. */
  delete(tenantId: string, id: string): Promise<void>;
  /** Ends all work here. What has not ended goes on with the next engine. `drainMs`: how long work under way may take before; default 0. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}
