import {
  type Budget,
  type Clock,
  canonicalJson,
  GloveboxError,
  isGloveboxError,
  type Logger,
  type Metrics,
  newId,
  noMetrics,
  type Redactor,
  type Run,
  silentLogger,
  systemClock,
  toTimestamp,
} from "../../core/index.ts";
import type { Page, PageRequest, RunFilter, Store, StoredRun } from "../../store/index.ts";
import { checkBudget, NO_USAGE } from "../budget.ts";
import { type DeadRun, deadRunOf } from "../dead-run.ts";
import type {
  DurableEngine,
  ForkOptions,
  JournalOptions,
  Restore,
  Restored,
  RollbackOptions,
  RunHandle,
  StartOptions,
} from "../durable-engine.ts";
import { DeterminismGuard } from "../guard/determinism-guard.ts";
import { watchGlobals } from "../guard/watch-globals.ts";
import { EMPTY_HEAD, hashValue, seal } from "../journal/chain.ts";
import { JOURNAL_VERSION, type JournalRecord, type Payloads } from "../journal/record.ts";
import { exportLines, type ImportReport } from "../journal/transfer.ts";
import { type Verification, verifyJournal } from "../journal/verify.ts";
import { toJournalValue } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import type { Program } from "../program.ts";
import { ProgramRegistry } from "../registry.ts";
import type { ReplayOptions, ReplayReport } from "../replay-report.ts";
import type { SchedulerOptions } from "../scheduler/scheduler.ts";
import { forkRun, importRun } from "./copy.ts";
import { recordsOf } from "./follow.ts";
import type { ChildRun } from "./host.ts";
import { parse } from "./life.ts";
import { openingOf } from "./opening.ts";
import { replayRun } from "./replay.ts";
import { Rollbacks } from "./rollback.ts";
import { isUnfinished, Runner } from "./runner.ts";

export interface EmbeddedEngineOptions {
  readonly store: Store;
  /** Known from the start: their unfinished runs go on before this engine is given out. */
  readonly programs?: readonly Program[];
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Times steps and questions to models; default: nobody does. */
  readonly metrics?: Metrics;
  /** Applied to everything before it is written. */
  readonly redactor?: Redactor;
  /** `strict` throws where a program uses the clock, chance, files, processes or the network outside a step, for tests; `warn` logs each place once; default `warn`. */
  readonly determinism?: "strict" | "warn";
  /** How long a program that is told to end, and its work, may take; milliseconds, default 500. */
  readonly graceMs?: number;
  /** A step during which the process ended that often fails instead of being tried once more; default 20. */
  readonly maxDeaths?: number;
  readonly scheduling?: Omit<SchedulerOptions, "clock" | "onDead">;
  /** Called when a run's end is on disk, to free what was kept for it. A crash just then may skip the call. The end is told once it resolved or failed. */
  readonly onEnd?: (run: Run) => Promise<void>;
  /**
   * Puts back what a run's snapshots are of when it is rolled back: called with every `snapshot.taken` that holds at the cut, in order, after the run's work has ended and before
   * its journal says anything. When it rejects, nothing has changed for the run. It may be called twice for one rollback: when the process ended in between.
   */
  readonly onRollback?: Restore;
  /** What a tenant may use over all its runs; looked up once a tenant. */
  readonly tenantBudget?: (tenantId: string) => Omit<Budget, "wallMs"> | undefined;
}

const GRACE_MS = 500;
const MAX_DEATHS = 20;
const PAGE = 500;
const MAX_PRIORITY = 1000;

/** The engine on the store of this node. What did not end goes on, in the order in which it was started. Dispose of it before the store. */
export async function openEmbeddedEngine(options: EmbeddedEngineOptions): Promise<DurableEngine> {
  const engine = new EmbeddedEngine(options);
  await engine.resumeAll();
  return engine;
}

interface NewRun extends Omit<StartOptions, "timeoutMs"> {
  readonly id: string;
  readonly program: Program;
  readonly input: unknown;
  readonly parentId?: string;
  readonly deadlineMs?: number;
}

class EmbeddedEngine implements DurableEngine {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #redactor: Redactor | undefined;
  readonly #registry = new ProgramRegistry();
  readonly #runner: Runner;
  readonly #rollbacks: Rollbacks;
  readonly #watch: Disposable;
  readonly #closed = new AbortController();
  readonly #replays = new Set<Promise<ReplayReport>>();
  #closing: Promise<void> | undefined;

  constructor(options: EmbeddedEngineOptions) {
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#redactor = options.redactor;
    for (const program of options.programs ?? []) this.#registry.add(program);
    this.#runner = new Runner({
      store: options.store,
      clock: this.#clock,
      logger: this.#logger,
      metrics: options.metrics ?? noMetrics,
      redactor: options.redactor,
      registry: this.#registry,
      guard: new DeterminismGuard(this.#logger, options.determinism === "strict"),
      graceMs: options.graceMs ?? GRACE_MS,
      maxDeaths: options.maxDeaths ?? MAX_DEATHS,
      scheduling: options.scheduling ?? {},
      tenantBudget: options.tenantBudget,
      onEnd: options.onEnd,
      create: (child) => this.#createChild(child),
    });
    this.#rollbacks = new Rollbacks({
      store: options.store,
      clock: this.#clock,
      redactor: options.redactor,
      runner: this.#runner,
      restore: options.onRollback,
    });
    this.#watch = watchGlobals();
  }

  register(program: Program): void {
    this.#registry.add(program);
    void this.resumeAll(program.name).catch((error: unknown) => {
      this.#logger.error({ program: program.name, err: error }, "could not take up the runs of a program");
    });
  }

  programs(): readonly Program[] {
    return this.#registry.all();
  }

  /** Takes up every unfinished run, or those of one program. */
  async resumeAll(program?: string): Promise<void> {
    let page: readonly StoredRun[] = [];
    let after = "";
    do {
      page = await this.#store.runs.unfinished(after, PAGE);
      for (const stored of page) if (program === undefined || stored.run.program === program) this.#tryAdopt(stored);
      after = page.at(-1)?.run.id ?? after;
    } while (page.length === PAGE && !this.#runner.isClosed);
  }

  async start<Input, Output>(
    program: Program<Input, Output>,
    input: Input,
    { timeoutMs, ...options }: StartOptions,
  ): Promise<RunHandle<Output>> {
    if (this.#closing !== undefined) throw new GloveboxError("unavailable", "the engine is closed");
    this.#registry.add(program as Program);
    const known = await this.#startedBefore(program as Program, input, options);
    if (known !== undefined) return this.#handle(options.tenantId, known);
    const deadline = timeoutMs === undefined ? {} : { deadlineMs: this.#clock.nowMs() + timeoutMs };
    const stored = await this.#create({ ...options, ...deadline, id: newId(), program: program as Program, input });
    try {
      this.#runner.adopt(stored);
    } catch (error) {
      await this.#store.runs.delete(options.tenantId, stored.run.id);
      throw error;
    }
    return this.#handle(options.tenantId, stored.run.id);
  }

  async get(tenantId: string, id: string): Promise<Run> {
    return (await this.#find(tenantId, id)).run;
  }

  list(tenantId: string, filter?: RunFilter): Promise<Page<Run>> {
    return this.#store.runs.list(tenantId, filter);
  }

  async deadLetters(tenantId: string, page: PageRequest = {}): Promise<Page<DeadRun>> {
    const { items, ...rest } = await this.#store.runs.list(tenantId, { ...page, dead: true });
    return { items: items.map(deadRunOf), ...rest };
  }

  async result(tenantId: string, id: string, signal?: AbortSignal): Promise<unknown> {
    const outcome = await this.#runner.end(tenantId, id, signal);
    if (outcome.status === "completed") return outcome.output;
    const { code, message, details } = outcome.error;
    throw new GloveboxError(code, message, details === undefined ? {} : { details });
  }

  async signal(tenantId: string, id: string, signal: string, payload?: unknown): Promise<void> {
    if (signal === "" || signal.startsWith("$") || signal.length > 100) {
      throw new GloveboxError(
        "invalid_argument",
        "a signal has a name of 1 to 100 characters that does not begin with $",
      );
    }
    const value = payload === undefined ? undefined : toJournalValue(payload, "the payload", this.#redactor);
    await (await this.#living(tenantId, id)).signal(signal, value);
  }

  async cancel(tenantId: string, id: string, reason = "the run was cancelled"): Promise<void> {
    await this.#living(tenantId, id);
    await this.#runner.cancel(tenantId, id, reason);
  }

  async resume(tenantId: string, id: string): Promise<void> {
    const stored = await this.#find(tenantId, id);
    if (this.#runner.active(id) !== undefined) return;
    if (stored.run.imported === true || (await this.#hasEnded(stored))) {
      throw new GloveboxError("conflict", `run ${id} has ended`, { details: { status: stored.run.status } });
    }
    this.#registry.for(stored.run);
    if (stored.run.rollingBack !== undefined) return void (await this.#rollbacks.finish(stored.run));
    if (!isUnfinished(stored.run)) {
      await this.#store.runs.append(id, stored.head, [], { status: "queued", error: undefined, endedAt: undefined });
    }
    this.#runner.adopt(await this.#find(tenantId, id), { always: true });
  }

  async rollback(tenantId: string, id: string, options: RollbackOptions): Promise<Restored | undefined> {
    const stored = await this.#find(tenantId, id);
    if (stored.run.imported !== true) this.#registry.for(stored.run);
    return this.#rollbacks.rollBack(stored, options);
  }

  async replay(tenantId: string, id: string, { signal, ...options }: ReplayOptions = {}): Promise<ReplayReport> {
    const stored = await this.#find(tenantId, id);
    const program = this.#registry.for(stored.run);
    const closed = this.#closed.signal;
    const either = signal === undefined ? closed : AbortSignal.any([signal, closed]);
    either.throwIfAborted();
    const replay = replayRun(this.#runner, stored, program, { ...options, signal: either });
    this.#replays.add(replay);
    return replay.finally(() => this.#replays.delete(replay));
  }

  async fork(tenantId: string, id: string, options: ForkOptions): Promise<RunHandle<unknown>> {
    const stored = await this.#find(tenantId, id);
    this.#registry.for(stored.run);
    const opening = await openingOf(this.#store, stored);
    const parts = { source: this.#store, clock: this.#clock, redactor: this.#redactor };
    const fork = await forkRun(parts, stored, opening.payload, options);
    this.#runner.adopt(fork, { always: true });
    return this.#handle(tenantId, fork.run.id);
  }

  journal(tenantId: string, id: string, options: JournalOptions = {}): AsyncGenerator<JournalRecord> {
    return recordsOf({ store: this.#store, changes: this.#runner.changes }, tenantId, id, options);
  }

  async *export(tenantId: string, id: string): AsyncGenerator<string> {
    yield* exportLines(this.#store, await this.#find(tenantId, id));
  }

  import(tenantId: string, lines: AsyncIterable<string> | Iterable<string>): Promise<ImportReport> {
    return importRun(this.#store, tenantId, lines);
  }

  async verify(tenantId: string, id: string): Promise<Verification> {
    return verifyJournal(this.#store, await this.#find(tenantId, id));
  }

  async delete(tenantId: string, id: string): Promise<void> {
    const { run } = await this.#find(tenantId, id);
    const parent = run.parentId === undefined ? undefined : await this.#store.runs.get(tenantId, run.parentId);
    // A parent that has not read its child's end from its own journal yet would start it once more.
    const unfinished = [run, ...(parent === undefined ? [] : [parent.run])].find(
      (one) => isUnfinished(one) || this.#runner.active(one.id) !== undefined,
    );
    if (unfinished !== undefined) {
      throw new GloveboxError("conflict", `run ${unfinished.id} has not ended`, {
        details: { runId: unfinished.id, status: unfinished.status },
      });
    }
    await this.#store.runs.delete(tenantId, id);
  }

  close({ drainMs = 0 }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(drainMs: number): Promise<void> {
    try {
      this.#closed.abort(new GloveboxError("unavailable", "the engine is closed"));
      await Promise.allSettled([...this.#replays]);
      await this.#rollbacks.close();
      await this.#runner.close(drainMs);
    } finally {
      this.#watch[Symbol.dispose]();
    }
  }

  #handle<Output>(tenantId: string, id: string): RunHandle<Output> {
    return { id, result: async (signal) => (await this.result(tenantId, id, signal)) as Output };
  }

  async #find(tenantId: string, id: string): Promise<StoredRun> {
    const stored = await this.#store.runs.get(tenantId, id);
    if (stored === undefined) throw new GloveboxError("not_found", `no run ${id}`);
    return stored;
  }

  /** A run that can still be told something; one that nobody has in hand yet is taken up. */
  async #living(tenantId: string, id: string) {
    const stored = await this.#find(tenantId, id);
    if (!isUnfinished(stored.run)) {
      throw new GloveboxError("conflict", `run ${id} has ended`, { details: { status: stored.run.status } });
    }
    if (this.#runner.active(id) === undefined) this.#runner.adopt(stored, { always: true });
    const live = this.#runner.active(id);
    if (live === undefined) throw new GloveboxError("unavailable", `run ${id} does not go on here`);
    return live;
  }

  async #hasEnded({ run, head }: StoredRun): Promise<boolean> {
    const [last] = await this.#store.runs.read(run.id, { afterSeq: head.seq - 1, limit: 1 });
    return last?.type === "run.completed" || last?.type === "run.failed" || last?.type === "run.cancelled";
  }

  #tryAdopt(stored: StoredRun): void {
    try {
      this.#registry.for(stored.run);
      if (stored.run.rollingBack !== undefined) this.#finishRollback(stored.run);
      else if (!this.#runner.isHeld(stored.run.id)) this.#runner.adopt(stored, { always: true });
    } catch (error) {
      if (!isGloveboxError(error, "journal_mismatch")) throw error;
      this.#logger.warn({ runId: stored.run.id, ...error.details }, "a run waits for its program");
    }
  }

  #finishRollback(run: Run): void {
    void this.#rollbacks.finish(run).then(
      (restored) => this.#logger.info({ runId: run.id, restored }, "finished a rollback that was cut short"),
      (error: unknown) => {
        this.#logger.error({ runId: run.id, err: error }, "could not finish a rollback: the run stays where it is");
      },
    );
  }

  async #startedBefore(program: Program, input: unknown, options: StartOptions): Promise<string | undefined> {
    if (options.idempotencyKey === undefined) return undefined;
    const known = await this.#store.runs.byIdempotencyKey(options.tenantId, options.idempotencyKey);
    if (known === undefined) return undefined;
    const inputHash = hashValue(input === undefined ? undefined : toJournalValue(input, "the input", this.#redactor));
    if (known.run.program === program.name && known.run.inputHash === inputHash) return known.run.id;
    throw new GloveboxError("conflict", "the idempotency key was used for another program or input", {
      details: { runId: known.run.id },
    });
  }

  #createChild({ childId, parentId, tenantId, program, input }: ChildRun): Promise<StoredRun> {
    this.#registry.add(program);
    return this.#create({ id: childId, parentId, tenantId, program, input });
  }

  async #create({ id, tenantId, program, input, ...options }: NewRun): Promise<StoredRun> {
    parse(program.input, input, `the input of ${program.name}`);
    checkPriority(options.priority);
    const json: JsonValue | undefined =
      input === undefined ? undefined : toJournalValue(input, "the input", this.#redactor);
    const nowMs = this.#clock.nowMs();
    const { budget, priority = 0, idempotencyKey, parentId, deadlineMs } = options;
    const { name, version } = program;
    const inputHash = hashValue(json);
    const run: Run = {
      id,
      tenantId,
      program: name,
      version,
      status: "queued",
      priority,
      createdAt: toTimestamp(nowMs),
      inputHash,
      usage: NO_USAGE,
      resumes: 0,
      ...(parentId === undefined ? {} : { parentId }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(budget === undefined ? {} : { budget: checkBudget(budget) }),
    };
    const started: Payloads["run.started"] = {
      journal: JOURNAL_VERSION,
      program: name,
      version,
      inputHash,
      ...(json === undefined ? {} : { input: json }),
    };
    const text = canonicalJson(started);
    const row = seal(id, EMPTY_HEAD, { ts: nowMs, type: "run.started", step: null, attempt: null }, text);
    if (row.place === "blob") await this.#store.blobs.put(Buffer.from(text, "utf8"));
    await this.#store.runs.create(run, [row]);
    return { run, head: { seq: row.seq, hash: row.hash } };
  }
}

function checkPriority(priority = 0): void {
  if (Number.isInteger(priority) && Math.abs(priority) <= MAX_PRIORITY) return;
  throw new GloveboxError(
    "invalid_argument",
    `priority must be a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY}`,
    {
      details: { path: "priority" },
    },
  );
}
