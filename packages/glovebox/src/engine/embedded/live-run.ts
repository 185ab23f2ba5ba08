import { randomInt, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { GloveboxError, newId, type Run, type Usage } from "../../core/index.ts";
import type { JournalHead, RunPatch, StoredRun } from "../../store/index.ts";
import { addUsage, BudgetMeter, budgetExceeded, type Excess } from "../budget.ts";
import type { Draft, JournalRecord } from "../journal/record.ts";
import { JournalWriter } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import { toJournaledError } from "../retry.ts";
import type { Timers } from "../scheduler/timers.ts";
import type { Host } from "./host.ts";
import { type Frontier, isDelivered, type Machine } from "./machine.ts";
import type { Operation, OpSpec } from "./operation.ts";
import { StepRunner } from "./step-runner.ts";
import { StepTimings } from "./step-timings.ts";
import { waitsOf } from "./waits.ts";

/** Bounds what signals may pile up in a run that does not take them. */
const MAX_UNREAD_SIGNALS = 10_000;

/** A run that this process has in its hands: its journal, and once it goes on, what its program waits for. */
export class LiveRun implements Frontier {
  readonly id: string;
  readonly tenantId: string;
  readonly writer: JournalWriter;
  readonly #host: Host;
  readonly #stop = new AbortController();
  readonly #working = new Set<Promise<unknown>>();
  readonly #onWaits: (waits: boolean) => void;
  #run: Run;
  #machine: Machine | undefined;
  #tenantMeter: BudgetMeter | undefined;
  #meter: BudgetMeter;
  #inbox: JournalRecord[] = [];
  #isPumping = false;
  #isExceeded = false;
  #epoch = 0;
  /** Signals that are not on disk yet. */
  #arriving = 0;
  /** Signals that came before the run went on. */
  #early = 0;
  #patch: RunPatch = {};
  readonly #timings: StepTimings;

  /** Rejects when the journal cannot be written, or when the run is left to another engine. */
  readonly broken: Promise<never>;
  readonly #breaks: (error: unknown) => void;
  #failure: { readonly error: unknown } | undefined;

  /** `onWaits` is told when the run begins to wait only, and when it no longer does. */
  constructor(host: Host, stored: StoredRun, onWaits: (waits: boolean) => void) {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.broken = promise;
    this.#breaks = reject;
    this.#onWaits = onWaits;
    this.id = stored.run.id;
    this.tenantId = stored.run.tenantId;
    this.#run = stored.run;
    this.#host = host;
    this.#timings = new StepTimings(host.metrics, () => host.clock.monotonicMs());
    this.#meter = new BudgetMeter(stored.run.budget ?? {});
    this.writer = new JournalWriter({
      source: host.source,
      runId: stored.run.id,
      head: stored.head,
      clock: host.clock,
      redactor: host.redactor,
      patch: () => this.#takePatch(),
      wants: isDelivered,
      onCommit: (records) => this.#committed(records),
      onFailure: (error) => this.#break(error),
    });
  }

  get run(): Run {
    return this.#run;
  }

  get timers(): Timers {
    return this.#host.timers;
  }

  get maxDeaths(): number {
    return this.#host.maxDeaths;
  }

  nowMs(): number {
    return this.#host.clock.nowMs();
  }

  append(draft: Draft, options?: { readonly soon?: boolean }): void {
    this.#timings.note(draft);
    this.writer.append(draft, options);
  }

  /** What changes of the run's row with the next record. */
  change(patch: RunPatch): void {
    this.#patch = { ...this.#patch, ...patch };
  }

  /** A signal for the program; on disk when it resolves. */
  async signal(signal: string, payload: JsonValue | undefined): Promise<void> {
    if (this.#stop.signal.aborted) {
      throw new GloveboxError("unavailable", `run ${this.id} ends or is left just now`);
    }
    // The engine's own always find room.
    if (!signal.startsWith("$") && this.#unread >= MAX_UNREAD_SIGNALS) {
      throw new GloveboxError(
        "resource_exhausted",
        `run ${this.id} has ${MAX_UNREAD_SIGNALS} signals that it did not take`,
      );
    }
    if (this.#machine === undefined) this.#early += 1;
    this.#arriving += 1;
    this.append({ type: "signal.received", payload: { signal, ...(payload === undefined ? {} : { payload }) } });
    await this.writer.flush();
    this.#arriving -= 1;
    this.checkWritten();
  }

  /** What nobody took yet, whatever way it has come: read, on disk, or on its way there. */
  get #unread(): number {
    return this.#early + this.#arriving + this.#inbox.length + (this.#machine?.unreadSignals ?? 0);
  }

  /** Aborts when the run is left, with the reason. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** The idempotency key of a step that has none of its own: another one after each rollback. */
  keyFor(path: string): string {
    return this.#epoch === 0 ? `${this.id}/${path}` : `${this.id}~${this.#epoch}/${path}`;
  }

  /** Lets the program go on from the end of its journal. `head`: what it has read; `epoch`: how often it was rolled back. */
  async goLive(
    machine: Machine,
    { used, head, epoch }: { readonly used: Usage; readonly head: JournalHead; readonly epoch: number },
  ): Promise<void> {
    this.#tenantMeter = await this.#host.tenantMeter(this.tenantId);
    this.#stop.signal.throwIfAborted();
    this.#epoch = epoch;
    this.#meter = new BudgetMeter(this.#run.budget ?? {}, used);
    this.#machine = machine;
    this.#early = 0;
    this.#inbox = this.#inbox.filter(({ seq }) => seq > head.seq);
    this.#setLimits();
    machine.goLive(this);
    await this.#pump();
  }

  begin(operation: Operation): void {
    const { spec } = operation;
    switch (spec.kind) {
      case "step":
      case "compensation":
        void new StepRunner(this, operation, spec).start().catch((error: unknown) => this.#failed(operation, error));
        return;
      case "sleep":
        this.#sleep(operation, spec.ms);
        return;
      case "wait":
        this.#wait(operation, spec);
        return;
      case "child":
        void this.#child(operation, spec.program).catch((error: unknown) => this.#failed(operation, error));
        return;
      default:
        this.#answer(operation, this.#valueOf(operation, spec.kind));
    }
  }

  /** Waits for work that goes on although nobody wants it any more, for the grace at most. */
  async workEnds(): Promise<void> {
    if (this.#working.size === 0) return;
    const ended = new AbortController();
    const grace = delay(this.#host.graceMs, undefined, { signal: ended.signal }).catch(() => {});
    await Promise.race([Promise.allSettled([...this.#working]), grace]);
    ended.abort();
  }

  track(work: Promise<unknown>): void {
    const done = work.catch(() => {}).finally(() => this.#working.delete(done));
    this.#working.add(done);
  }

  /** Counts what a step used. Ends the run, and throws, when that was too much for the run or its tenant. */
  spend(step: string, used: Partial<Usage>): void {
    this.#meter.add(used);
    this.#tenantMeter?.add(used);
    this.change({ usage: this.#meter.used });
    this.append({ type: "budget.updated", step, payload: { used } }, { soon: true });
    const found = this.#excess();
    if (found === undefined) return;
    this.#exceed(found.of, found.excess);
    throw budgetExceeded(found.of, found.excess);
  }

  /** `true` when there is nothing left to begin a step with; the run ends then. */
  refuseBeyondBudget(): boolean {
    const found = this.#excess();
    if (found !== undefined) this.#exceed(found.of, found.excess);
    return found !== undefined;
  }

  /** Ends all work here. What is on disk goes on elsewhere. */
  async leave(reason: unknown): Promise<void> {
    this.#stop.abort(reason);
    this.#machine?.leave(reason);
    await this.writer.flush();
    this.writer.close();
    this.#breaks(reason);
  }

  /** Throws when something could not be written. */
  checkWritten(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #break(error: unknown): void {
    this.#failure ??= { error };
    this.#breaks(error);
    this.#stop.abort(error);
    this.#machine?.leave(error);
  }

  #excess(): { readonly of: "run" | "tenant"; readonly excess: Excess } | undefined {
    const ofRun = this.#meter.excess();
    if (ofRun !== undefined) return { of: "run", excess: ofRun };
    const ofTenant = this.#tenantMeter?.excess();
    return ofTenant === undefined ? undefined : { of: "tenant", excess: ofTenant };
  }

  #exceed(of: "run" | "tenant", excess: Excess): void {
    if (this.#isExceeded) return;
    this.#isExceeded = true;
    this.append({ type: "budget.exceeded", payload: { of, ...excess } });
  }

  #setLimits(): void {
    const { deadlineMs, budget, createdAt } = this.#run;
    const { signal } = this.#stop;
    if (deadlineMs !== undefined) {
      this.timers.at(deadlineMs, signal, () =>
        this.append({ type: "signal.received", payload: { signal: "$deadline" } }),
      );
    }
    const wallMs = budget?.wallMs;
    if (wallMs === undefined) return;
    const startedMs = Date.parse(createdAt);
    this.timers.at(startedMs + wallMs, signal, () => {
      this.#exceed("run", { what: "wallMs", limit: wallMs, used: this.nowMs() - startedMs });
    });
  }

  /** What is answered at once. */
  #valueOf(
    { input }: Operation,
    kind: "now" | "random" | "uuid" | "budget" | "note" | "wait_any",
  ): JsonValue | undefined {
    switch (kind) {
      case "now":
        return this.nowMs();
      case "random":
        return randomInt(2 ** 47) / 2 ** 47;
      case "uuid":
        return randomUUID();
      case "budget":
        return { limits: { ...this.#meter.limits }, used: { ...this.#meter.used } };
      case "note":
      case "wait_any":
        return input;
    }
  }

  #answer({ path, kind, inputHash }: Operation, result: JsonValue | undefined): void {
    const payload = { kind, inputHash, ...(result === undefined ? {} : { result }) };
    this.append({ type: "step.completed", step: path, payload });
  }

  #failed({ path, kind, inputHash }: Operation, error: unknown): void {
    const payload = { kind, inputHash, error: toJournaledError(error) };
    this.append({ type: "step.failed", step: path, payload });
  }

  #sleep(operation: Operation, ms: number): void {
    const { path, kind, inputHash } = operation;
    const dueMs = operation.journaled?.dueMs ?? this.nowMs() + ms;
    if (operation.journaled === undefined) {
      operation.journaled = { kind, inputHash, dueMs };
      this.append({ type: "step.started", step: path, payload: operation.journaled });
    }
    this.timers.at(dueMs, operation.signal, () => this.#answer(operation, undefined));
  }

  #wait(operation: Operation, { signal, timeoutMs, approval }: Extract<OpSpec, { readonly kind: "wait" }>): void {
    const { path, kind, inputHash } = operation;
    if (operation.journaled === undefined) {
      const due = timeoutMs === undefined ? {} : { dueMs: this.nowMs() + timeoutMs };
      operation.journaled = { kind, inputHash, ...due };
      this.append({
        type: "signal.waiting",
        step: path,
        payload: { ...operation.journaled, signal, ...(approval ? { approval } : {}) },
      });
    }
    const { dueMs } = operation.journaled;
    if (dueMs === undefined) return;
    this.timers.at(dueMs, operation.signal, () => {
      this.append({ type: "step.completed", step: path, payload: { kind, inputHash, timedOut: true } });
    });
  }

  async #child(operation: Operation, program: Parameters<Host["runChild"]>[0]["program"]): Promise<void> {
    const { path, kind, inputHash, signal } = operation;
    const childId = operation.journaled?.childId ?? newId();
    if (operation.journaled?.childId === undefined) {
      operation.journaled = { kind, inputHash, childId };
      this.append({ type: "step.started", step: path, payload: { ...operation.journaled, ...inputOf(operation) } });
      // A child without a record of it in its parent's journal would be nobody's.
      await this.writer.flush();
    }
    if (signal.aborted) return;
    const input = (operation.input as { input?: unknown } | undefined)?.input;
    const end = await this.#host.runChild(
      { childId, parentId: this.id, tenantId: this.tenantId, program, input },
      signal,
    );
    if (end.ok) this.#answer(operation, end.output as JsonValue | undefined);
    else this.#failed(operation, end.error);
  }

  #committed(records: readonly JournalRecord[]): void {
    this.#inbox.push(...records);
    this.#host.onCommit(this.id);
    if (this.#machine !== undefined) void this.#pump();
  }

  /** One at a time, with the program at rest in between: a later life sees them in the same order. */
  async #pump(): Promise<void> {
    const machine = this.#machine;
    if (this.#isPumping || machine === undefined) return;
    this.#isPumping = true;
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      machine.deliver(next);
      await machine.settle();
    }
    this.#isPumping = false;
    // The last answer may leave nothing but waits, and nothing to write.
    if (!machine.isOver && this.#isStale()) this.writer.touch();
  }

  /** With each batch of records: what was asked to change, and whether the run waits now. */
  #takePatch(): RunPatch | undefined {
    const patch: RunPatch = { ...this.#statusPatch(), ...this.#patch };
    this.#patch = {};
    if (Object.keys(patch).length === 0) return undefined;
    const changed = Object.entries({ ...this.#run, ...patch }).filter(([, value]) => value !== undefined);
    this.#run = Object.fromEntries(changed) as unknown as Run;
    return patch;
  }

  #statusPatch(): RunPatch {
    if (this.#machine === undefined) return {};
    const patch = statusOf(this.#machine);
    if (!this.#isStale(patch)) return {};
    this.#onWaits(patch.status === "waiting");
    return patch;
  }

  #isStale(now = this.#machine === undefined ? undefined : statusOf(this.#machine)): boolean {
    if (now === undefined) return false;
    return now.status !== this.#run.status || String(now.waitingFor) !== String(this.#run.waitingFor);
  }
}

function statusOf({ pending }: Machine): Pick<RunPatch, "status" | "waitingFor"> {
  const waits = waitsOf(pending);
  return waits.length === 0 ? { status: "running", waitingFor: undefined } : { status: "waiting", waitingFor: waits };
}

function inputOf({ input }: Operation): { readonly input?: JsonValue } {
  return input === undefined ? {} : { input };
}

/** What the `budget.updated` records of a journal say together. */
export function usageOf(used: Usage, record: JournalRecord): Usage {
  return record.type === "budget.updated" && record.erased !== true ? addUsage(used, record.payload.used) : used;
}
