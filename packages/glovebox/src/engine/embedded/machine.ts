import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { GloveboxError, type Redactor } from "../../core/index.ts";
import { hashValue } from "../journal/chain.ts";
import type { JournalRecord, RecordWith } from "../journal/record.ts";
import { toJournalValue } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import type { Difference } from "../replay-report.ts";
import { Compensations } from "./compensations.ts";
import { Divergence, describeOperation } from "./divergence.ts";
import { Mailbox } from "./mailbox.ts";
import type { Migration } from "./migration.ts";
import { Operation, type OpSpec } from "./operation.ts";
import { Scope } from "./scope.ts";

/** How long a program that awaits something else than its context may take to ask for what it asked for the first time, milliseconds. */
const GRACE_MS = 1000;
const GRACE_STEP_MS = 5;

/** What begins work at new ground. */
export interface Frontier {
  begin(operation: Operation): void;
}

type Decision = RecordWith<"step.started"> | RecordWith<"signal.waiting">;
type Answer = RecordWith<"step.completed"> | RecordWith<"step.failed">;

/**
 * One life of a program: takes what it asks for, and gives it answers one at a time in the order of the journal, with the program at rest in between. So it
 * sees the same order in every life. What it decides (paths, inputs, signals) is held against the journal as that is read.
 */
export class Machine {
  readonly root = new Scope();
  readonly compensations = new Compensations();
  readonly #redactor: Redactor | undefined;
  readonly #overrides: { readonly [path: string]: JsonValue };
  readonly #copiedUntil: number;
  readonly #doneAgainUntil: number;
  readonly #pending = new Map<string, Operation>();
  /** Decisions of the journal that the program has not made yet. */
  readonly #expected = new Map<string, Decision>();
  /** Answered or dropped before their records were read. */
  readonly #early = new Map<string, Operation>();
  readonly #keys = new Map<string, string>();
  readonly #mailbox = new Mailbox();
  readonly #migration: Migration | undefined;
  readonly #onAsk: ((operation: Operation) => void) | undefined;
  #frontier: Frontier | undefined;
  #fault: Divergence | undefined;
  #endedBy: GloveboxError | undefined;
  #isAtRest = false;
  /** Set once the program's function has settled. */
  isOver = false;

  constructor(options: {
    readonly redactor: Redactor | undefined;
    readonly overrides?: { readonly [path: string]: JsonValue };
    /** Up to that record another run made the decisions: the children it started are its own. Default 0. */
    readonly copiedUntil?: number;
    /** A step that began up to that record and is done again gets another key and its whole time. Default 0. */
    readonly doneAgainUntil?: number;
    /** Reads what older versions of the program wrote. */
    readonly migration?: Migration;
    /** Is told of everything that the program asks for. */
    readonly onAsk?: ((operation: Operation) => void) | undefined;
  }) {
    this.#migration = options.migration;
    this.#onAsk = options.onAsk;
    this.#redactor = options.redactor;
    this.#copiedUntil = options.copiedUntil ?? 0;
    this.#doneAgainUntil = options.doneAgainUntil ?? 0;
    this.#overrides = options.overrides ?? {};
  }

  /** What ended the program from outside: `cancelled`, `deadline_exceeded`, `budget_exceeded`. */
  get endedBy(): GloveboxError | undefined {
    return this.#endedBy;
  }

  /** How many signals nobody took yet. */
  get unreadSignals(): number {
    return this.#mailbox.size;
  }

  get pending(): Iterable<Operation> {
    return this.#pending.values();
  }

  /** Asks for an operation in the name of the program. Rejects at once when its scope has ended. */
  ask(scope: Scope, path: string, spec: OpSpec, input?: unknown): Promise<unknown> {
    const ended = scope.endedBy;
    if (ended !== undefined) return Promise.reject(ended);
    const instead = this.#migration?.insteadOf(path);
    if (instead !== undefined) return Promise.resolve(instead.value);
    const given = this.#given(path, spec, input);
    const journaled = given === undefined ? undefined : toJournalValue(given, `the input of ${path}`, this.#redactor);
    const operation = new Operation({ path, spec, scope, input: journaled, inputHash: hashValue(journaled) });
    this.#checkKey(operation);
    this.#pending.set(path, operation);
    const decision = this.#expected.get(path);
    if (decision !== undefined) {
      this.#expected.delete(path);
      // The program is not told: it is left where it is, and whoever reads the journal stops.
      this.#fault ??= this.#difference(operation, decision);
      this.#match(operation, decision);
    }
    if (operation.spec.kind === "wait") this.#answerFromMailbox(operation, operation.spec.signal);
    this.#onAsk?.(operation);
    this.#frontier?.begin(operation);
    return operation.promise;
  }

  /** Ends a branch: what it waits for is rejected and never answered. */
  dropScope(scope: Scope, reason: unknown): void {
    if (scope.endedBy !== undefined) return;
    scope.end(reason);
    for (const operation of [...this.#pending.values()]) {
      if (operation.scope.isIn(scope)) this.#drop(operation, reason);
    }
  }

  /** Lets the program go on from what it still waits for, at the end of the journal. */
  goLive(frontier: Frontier): void {
    this.#frontier = frontier;
    const answered = [...this.#early.values()].filter(
      ({ kind, journaled }) => kind === "wait" && journaled === undefined,
    );
    this.#early.clear();
    for (const operation of [...answered, ...this.#pending.values()]) frontier.begin(operation);
  }

  /** A record as the present version of the program would have written it. To be called with every one, in order, before {@link replay}. */
  read(record: JournalRecord): JournalRecord {
    return this.#migration?.take(record) ?? record;
  }

  /** Takes a record while the journal is read again. Throws {@link Divergence} when the program decided otherwise. */
  async replay(record: JournalRecord): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    if (record.type === "step.started" || record.type === "signal.waiting") return this.#decide(record);
    if (record.type === "step.retried") {
      const operation = this.#pending.get(record.step ?? "");
      if (operation !== undefined) {
        operation.failures += 1;
        operation.retryAtMs = record.payload.dueMs;
      }
      return;
    }
    if (!isDelivered(record)) return;
    await this.settle(record);
    this.deliver(record);
  }

  /** Gives the program what a record brings it. */
  deliver(record: JournalRecord): void {
    this.#isAtRest = false;
    if (record.type === "step.completed" || record.type === "step.failed") this.#answer(record);
    else if (record.type === "budget.exceeded") this.#end(budgetError(record));
    else if (record.type === "signal.received") this.#receive(record);
  }

  /** Waits until the program has come to rest. `before`: a record that only a program which made all decisions so far can have led to. */
  async settle(before?: JournalRecord): Promise<void> {
    if (!this.#isAtRest) await turn();
    this.#isAtRest = true;
    if (this.#fault !== undefined) throw this.#fault;
    if (before === undefined || this.#isReadyFor(before)) return;
    for (let waited = 0; waited < GRACE_MS && !this.isOver; waited += GRACE_STEP_MS) {
      await delay(GRACE_STEP_MS);
      if (this.#isReadyFor(before)) return;
    }
    throw this.#divergence(before);
  }

  /** What the program waits for that the journal knows nothing of. */
  undecided(): Operation | undefined {
    return [...this.#pending.values()].find(({ journaled }) => journaled === undefined);
  }

  /** Stops all work without an answer. */
  leave(reason: unknown): void {
    for (const operation of this.#pending.values()) operation.leave(reason);
    this.#pending.clear();
    this.root.end(reason);
  }

  #isReadyFor(record: JournalRecord): boolean {
    if (this.#expected.size > 0) return false;
    if (record.type !== "step.completed" && record.type !== "step.failed") return true;
    return this.#pending.has(record.step ?? "") || this.#early.has(record.step ?? "");
  }

  #decide(record: Decision): void {
    const path = record.step ?? "";
    const operation = this.#pending.get(path) ?? this.#early.get(path);
    if (operation === undefined) return void this.#expected.set(path, record);
    this.#check(operation, record);
    this.#match(operation, record);
    // Answered by a signal that was there before; without a time limit nothing more comes.
    if (operation.spec.kind === "wait" && operation.spec.timeoutMs === undefined) this.#early.delete(path);
  }

  #given(path: string, spec: OpSpec, input: unknown): unknown {
    if (!Object.hasOwn(this.#overrides, path)) return input;
    const override = this.#overrides[path];
    return spec.kind === "child" ? { ...(input as object), input: override } : override;
  }

  /** The last attempt's beginning is the one that holds. */
  #match(operation: Operation, { seq, attempt, payload }: Decision): void {
    operation.attempt = attempt ?? operation.attempt;
    operation.retryAtMs = undefined;
    const { idempotencyKey, dueMs, childId, ...others } = payload;
    const isAgain = operation.spec.kind === "step" && seq <= this.#doneAgainUntil;
    operation.journaled = {
      ...others,
      ...(childId === undefined || seq <= this.#copiedUntil ? {} : { childId }),
      ...(dueMs === undefined || isAgain ? {} : { dueMs }),
      ...(idempotencyKey === undefined || isAgain ? {} : { idempotencyKey }),
    };
  }

  #answer(record: Answer): void {
    const path = record.step ?? "";
    const operation = this.#pending.get(path);
    if (operation === undefined) return void this.#early.delete(path);
    this.#check(operation, record);
    this.#pending.delete(path);
    if (record.type === "step.failed") operation.reject(toError(record.payload.error));
    else if (record.payload.timedOut === true) operation.reject(new GloveboxError("timeout", `${path} waited in vain`));
    else this.#complete(operation, record.payload.result);
  }

  #complete(operation: Operation, result: JsonValue | undefined): void {
    const { path, spec } = operation;
    if (spec.kind === "step" && spec.options.compensate !== undefined) {
      this.compensations.add({ path, result, compensate: spec.options.compensate, retry: spec.options.retry });
    }
    operation.resolve(result);
  }

  #receive(record: RecordWith<"signal.received">): void {
    const { signal, payload } = record.payload;
    if (signal === "$cancel" || signal === "$deadline") {
      this.#end(endError(signal, payload));
      return;
    }
    const waiting = [...this.#pending.values()].find(({ spec }) => spec.kind === "wait" && spec.signal === signal);
    this.#mailbox.put(signal, payload);
    if (waiting !== undefined) this.#answerFromMailbox(waiting, signal);
  }

  #answerFromMailbox(operation: Operation, signal: string): void {
    const letter = this.#mailbox.take(signal);
    if (letter === undefined) return;
    this.#setAside(operation);
    operation.resolve(letter.payload);
    // Ends the timer of its time limit; nobody waits for it any more.
    operation.leave(undefined);
  }

  #drop(operation: Operation, reason: unknown): void {
    this.#setAside(operation);
    operation.reject(reason);
  }

  /** Settled by something else than its own record. While the journal is read, its records are still to come. */
  #setAside(operation: Operation): void {
    this.#pending.delete(operation.path);
    if (this.#frontier === undefined) this.#early.set(operation.path, operation);
    this.#isAtRest = false;
  }

  #end(reason: GloveboxError): void {
    if (this.#endedBy !== undefined) return;
    this.#endedBy = reason;
    this.dropScope(this.root, reason);
  }

  #checkKey({ path, spec, inputHash }: Operation): void {
    const key = spec.kind === "step" ? spec.options.idempotencyKey : undefined;
    if (key === undefined) return;
    const known = this.#keys.get(key);
    this.#keys.set(key, inputHash);
    if (known === undefined || known === inputHash) return;
    throw new GloveboxError("conflict", `${path} has the idempotency key of another step with another input`, {
      details: { step: path },
    });
  }

  #check(operation: Operation, record: Decision | Answer): void {
    const found = this.#difference(operation, record);
    if (found !== undefined) throw found;
  }

  #difference(operation: Operation, record: Decision | Answer): Divergence | undefined {
    if (record.erased === true) return undefined;
    const { kind, inputHash } = record.payload;
    const isSameInput = operation.inputHash === inputHash || this.#migration?.takesAnyInput(record) === true;
    return operation.kind === kind && isSameInput ? undefined : new Divergence(differenceAt(record, operation));
  }

  #divergence(record: JournalRecord): Divergence {
    const [missing] = this.#expected.values();
    return new Divergence(differenceAt(missing ?? record, this.undecided()));
  }
}

/** Whether a record of that type brings the program something. */
export function isDelivered({ type }: { readonly type: string }): boolean {
  return (
    type === "step.completed" || type === "step.failed" || type === "signal.received" || type === "budget.exceeded"
  );
}

function differenceAt(record: JournalRecord, found: Operation | undefined): Difference {
  const { seq, type, step, payload } = record;
  const known = "inputHash" in payload && "kind" in payload ? { kind: payload.kind, inputHash: payload.inputHash } : {};
  return {
    seq,
    ...(step === undefined ? {} : { step }),
    expected: { type, ...(step === undefined ? {} : { step }), ...known },
    found: found === undefined ? "nothing" : describeOperation(found),
  };
}

function toError({ code, message, details, retryable }: RecordWith<"step.failed">["payload"]["error"]): GloveboxError {
  const said = retryable === undefined ? details : { ...details, retryable };
  return new GloveboxError(code, message, said === undefined ? {} : { details: said });
}

function endError(signal: "$cancel" | "$deadline", payload: unknown): GloveboxError {
  if (signal === "$deadline") return new GloveboxError("deadline_exceeded", "the run's deadline has passed");
  return new GloveboxError("cancelled", typeof payload === "string" ? payload : "the run was cancelled");
}

function budgetError({ payload: { of, what, limit, used } }: RecordWith<"budget.exceeded">): GloveboxError {
  const details = { of, what, limit, used };
  return new GloveboxError("budget_exceeded", `the budget of the ${of} is used up: ${what} ${used} of ${limit}`, {
    details,
  });
}
