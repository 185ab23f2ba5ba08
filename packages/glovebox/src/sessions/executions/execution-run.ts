import { type Execution, GloveboxError, toGloveboxError, toTimestamp } from "../../core/index.ts";
import type { SandboxProcess } from "../../sandbox/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { KEEPS_NOTHING, type OutputReader } from "../output/output-reader.ts";
import { Recorder } from "../output/recorder.ts";
import type { StoredRequest, StreamState } from "../output/stream-state.ts";
import { type Performance, perform } from "../work/perform.ts";
import type { Plan } from "../work/plan.ts";
import { settle } from "../work/settle.ts";
import { WorkControl } from "../work/work-control.ts";
import type { WorkEnd } from "../work/work-end.ts";
import { forgetHeld } from "./held-request.ts";
import { persistEnd } from "./persist-end.ts";
import { projectOutcome } from "./project-outcome.ts";
import { executionStream, storeSink } from "./store-sink.ts";
import type { Place } from "./turn.ts";

export interface RunOptions {
  readonly session: LiveSession;
  readonly execution: Execution;
  readonly plan: Plan;
  readonly request: StoredRequest;
  /** Its place in the session's queue; none for what runs beside. */
  readonly place?: Place | undefined;
  /** The row is on disk. Events follow it, never lead it. */
  readonly created: Promise<unknown>;
  readonly restored?: ConstructorParameters<typeof Recorder>[0]["restored"];
  /** Gets what it prints first. */
  readonly reader?: OutputReader | undefined;
}

/** An execution from its acceptance to its end. */
export class ExecutionRun {
  readonly id: string;
  readonly control = new WorkControl();
  readonly recorder: Recorder;
  readonly #options: RunOptions;
  readonly #finished = Promise.withResolvers<Execution>();
  readonly #process = Promise.withResolvers<SandboxProcess>();
  #execution: Execution;
  #begunMs: number;
  readonly #acceptedMs: number;
  #over = false;
  #reader: OutputReader | undefined;
  readonly #isRead = Promise.withResolvers<void>();

  constructor(options: RunOptions) {
    const { session, execution } = options;
    const { store, clock } = session.room;
    const { redactor } = session;
    this.id = execution.id;
    this.#options = options;
    this.#execution = execution;
    this.#acceptedMs = clock.monotonicMs();
    this.#begunMs = this.#acceptedMs;
    this.#reader = options.reader;
    this.recorder = new Recorder({
      sink: storeSink(store.events, executionStream(execution.tenantId, execution.id)),
      limits: options.request.limits,
      redactor,
      gate: options.created,
      onStop: (cause) => this.control.stop(cause),
      request: options.request,
      restored: options.restored,
      // One that nobody came to read is not shown as it is: its secrets are not known here.
      ...(options.request.isRead && { reader: () => this.#reader ?? KEEPS_NOTHING }),
    });
    // Nobody may be waiting for these.
    this.#finished.promise.catch(() => {});
    this.#process.promise.catch(() => {});
  }

  /** Its end: rejects with `store_failed` when that could not be written. with `unavailable` when the server lets go of it before. */
  get finished(): Promise<Execution> {
    return this.#finished.promise;
  }

  get execution(): Execution {
    return this.#execution;
  }

  get background(): boolean {
    return this.#options.place === undefined;
  }

  get hasDeadline(): boolean {
    return this.#options.request.limits.wallMs !== undefined;
  }

  /** The process that takes the execution's stdin; waits for it to be started. `conflict` when it is over. */
  async process(): Promise<SandboxProcess> {
    const process = await Promise.race([this.#process.promise, this.#finished.promise.then(() => undefined)]);
    if (process === undefined || this.#over) throw overError();
    return process;
  }

  /** Brings the reader of one that outlived its server. */
  read(reader: OutputReader): void {
    this.#reader ??= reader;
    this.#isRead.resolve();
  }

  /** Waits its turn, runs, and settles. Never rejects. */
  async drive(resume?: (work: Performance) => Promise<WorkEnd>): Promise<void> {
    const { place, session } = this.#options;
    try {
      if (place !== undefined && (place.waited || this.#execution.status === "queued")) await this.#waitTurn(place);
      if (resume !== undefined) await this.#waitForReader();
      if (session.letGo) return this.#letGo();
      const fresh = resume === undefined || this.#options.execution.status === "queued";
      const end = (fresh ? await this.#hookBefore() : undefined) ?? (await this.#work(resume));
      if (end.kind === "detached") return this.#letGo();
      await this.#settle(end);
    } catch (error) {
      this.#finished.reject(toGloveboxError(error));
    } finally {
      this.#over = true;
      if (!session.letGo) {
        place?.leave();
        session.runOver(this);
      }
    }
  }

  async #work(resume: ((work: Performance) => Promise<WorkEnd>) | undefined): Promise<WorkEnd> {
    const work = this.#performance();
    return this.control.cause === undefined || resume ? await (resume ?? perform)(work) : neverRan();
  }

  /** Gives the end of one that is not begun because what should come first failed. */
  async #hookBefore(): Promise<WorkEnd | undefined> {
    const { session } = this.#options;
    if (session.hooks === undefined || !this.#hooked || this.control.cause !== undefined) return undefined;
    try {
      await session.hooks.before(session, this.#execution);
      return undefined;
    } catch (error) {
      return { kind: "not_started", error: toGloveboxError(error) };
    }
  }

  async #hookAfter(): Promise<void> {
    const { session, place } = this.#options;
    place?.finish();
    if (session.hooks !== undefined && this.#hooked) await session.hooks.after(session, this.#execution);
  }

  /** Around what runs beside, in a terminal, or while the session is made, nothing is done. */
  get #hooked(): boolean {
    const { place, request } = this.#options;
    return place !== undefined && request.terminal === undefined && this.#execution.kind !== "startup";
  }

  /** The server shuts down, or gives the session's memory back, while it runs or waits its turn. */
  #letGo(): void {
    const message = "the server lets go of the session; the execution goes on with it and can be asked for again";
    this.#finished.reject(new GloveboxError("unavailable", message));
  }

  async #waitTurn(place: Place): Promise<void> {
    const { session } = this.#options;
    const { detach } = session.bench;
    await Promise.race([place.mine, once(this.control.signal), ...(detach === undefined ? [] : [once(detach)])]);
    if (this.control.cause !== undefined || session.letGo) return;
    const { store, clock } = session.room;
    this.#begunMs = clock.monotonicMs();
    const startedAt = toTimestamp(clock.nowMs());
    const { tenantId } = this.#execution;
    const updated = await store.executions.update(tenantId, this.id, { status: "running", startedAt });
    this.#execution = updated ?? { ...this.#execution, status: "running", startedAt };
  }

  /** Meanwhile its output stays with the sandbox. */
  async #waitForReader(): Promise<void> {
    const { session, request } = this.#options;
    if (request.isRead !== true || this.#reader !== undefined) return;
    const { detach, sandbox } = session.bench;
    const ends = [once(this.control.signal), sandbox.ended, ...(detach === undefined ? [] : [once(detach)])];
    await Promise.race([this.#isRead.promise, ...ends]);
  }

  #performance(): Performance {
    const { session, plan, request } = this.#options;
    if (this.#execution.kind === "repl" && this.recorder.eventCount === 0) {
      this.recorder.inputEcho(this.#execution.input ?? "");
    }
    return {
      id: this.id,
      bench: session.bench,
      plan,
      recorder: this.recorder,
      control: this.control,
      limits: request.limits,
      onProcess: (process) => this.#process.resolve(process),
      onUnresponsive: () => {
        this.control.limitTripped("wall");
        session.abandonSandbox(`execution ${this.id} did not stop`);
      },
    };
  }

  async #settle(ended: Exclude<WorkEnd, { kind: "detached" }>): Promise<void> {
    let end = ended;
    const { session, request, place } = this.#options;
    const { clock } = session.room;
    const { kind } = this.#execution;
    if (end.kind === "sandbox_gone") await session.waitForEnd();
    // What could not start because the sandbox had just died is as lost as what ran in it.
    if (end.kind === "not_started" && session.sandboxEnd !== undefined) end = { kind: "sandbox_gone" };
    const begunMs = place?.waited && this.#execution.status === "queued" ? clock.monotonicMs() : this.#begunMs;
    const settled = settle({
      end,
      recorder: this.recorder,
      control: this.control,
      limits: request.limits,
      interactive: kind !== "command",
      durationMs: this.#elapsedMs(begunMs),
      clock,
      memoryRanOut: await session.bench.memory.ranOut(end),
      sandboxEnd: session.sandboxEnd,
    });
    const patch = projectOutcome(settled.outcome, {
      terminal: this.recorder.terminal,
      events: this.recorder.eventCount,
      truncated: this.recorder.truncated,
      queuedMs: begunMs - this.#acceptedMs,
    });
    const { execution, failure } = await persistEnd(session, this.#execution, { patch, ...settled });
    this.#execution = execution;
    const { isolation } = session.row;
    session.room.metrics.timed("execution.run", execution.metrics.durationMs, {
      kind,
      isolation,
      status: execution.status,
    });
    if (end.kind === "exit") void this.#process.promise.then((process) => process.release());
    await forgetHeld(session.room.store, request).catch(() => {});
    await this.#hookAfter();
    if (failure !== undefined) this.#finished.reject(failure);
    else this.#finished.resolve(execution);
  }

  /** After a restart only the wall clock knows when it began. */
  #elapsedMs(begunMs: number): number {
    const { session, restored } = this.#options;
    const { clock } = session.room;
    const { startedAt } = this.#execution;
    if (restored === undefined || startedAt === undefined) return clock.monotonicMs() - begunMs;
    return Math.max(0, clock.nowMs() - Date.parse(startedAt));
  }
}

/** Stopped while it waited. */
function neverRan(): WorkEnd {
  return { kind: "done", threw: true, cpuMs: 0 };
}

function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

export function overError(): GloveboxError {
  return new GloveboxError("conflict", "the execution is over");
}

export type { StreamState };
