import type { Execution, Redactor, Session, Template } from "../../core/index.ts";
import type { SandboxEnd } from "../../sandbox/index.ts";
import type { ExecutionRun } from "../executions/execution-run.ts";
import { IdempotencyKeys } from "../executions/idempotency-keys.ts";
import { type Place, Turn } from "../executions/turn.ts";
import type { SessionNetwork } from "../network/session-network.ts";
import type { Room } from "../room.ts";
import { adoptProcesses } from "../work/adopt-processes.ts";
import type { Workbench } from "../work/workbench.ts";

/** How long a sandbox whose connection ended may take to say why. */
const END_PATIENCE_MS = 2_000;

/** Done around each execution that has the session's turn, before it begins and before its end is told. */
export interface ExecutionHooks {
  /** What fails here keeps the execution from being run. */
  before(session: LiveSession, execution: Execution): Promise<void>;
  /** Never rejects. */
  after(session: LiveSession, execution: Execution): Promise<void>;
}

/** A session that has a sandbox on this node, with what runs in it. */
export class LiveSession {
  readonly room: Room;
  /** The room's, which also masks the values of the session's secrets. */
  redactor: Redactor | undefined;
  /** Offers a service to its programs; `undefined` where they have no way to it. Another after a rollback. */
  offer: SessionNetwork["offer"];
  readonly template: Template;
  /** Another after a rollback. */
  bench: Workbench;
  readonly turn = new Turn();
  readonly idempotencyKeys = new IdempotencyKeys();
  /** Requirements that executions had installed in it; a restart forgets them, and installing again does no harm. */
  readonly installed = new Set<string>();
  readonly runs = new Map<string, ExecutionRun>();
  /** As last written to the store. */
  row: Session;
  /** On the monotonic clock. */
  lastActivityMs: number;
  sandboxEnd: SandboxEnd | undefined;
  /** The server shuts down: the sandbox goes on, nothing more is written for it. */
  letGo = false;
  /** Aborts when the server lets go of the sandbox. */
  readonly detaching: AbortController;
  /** Why it is closed although nobody asked for it. */
  restartReason: string | undefined;
  /** Its sandbox is being replaced: it takes no work. */
  rollingBack = false;
  /** It is about to stand still: it takes no work. */
  pausing = false;
  /** What the template wants done around executions. */
  hooks: ExecutionHooks | undefined;
  /** Closing was asked for: what ends now was ended by us. */
  closing = false;
  /** The turn of what a kernel was doing when its memory was copied. */
  #inherited: Place | undefined;
  readonly #index: Map<string, ExecutionRun>;
  readonly #tasks = new Set<Promise<unknown>>();

  constructor(options: {
    room: Room;
    redactor: Redactor | undefined;
    template: Template;
    bench: Workbench;
    row: Session;
    detaching: AbortController;
    /** Where all sessions' runs are found by id. */
    index: Map<string, ExecutionRun>;
  }) {
    this.#index = options.index;
    this.detaching = options.detaching;
    this.room = options.room;
    this.redactor = options.redactor;
    this.template = options.template;
    this.bench = options.bench;
    this.row = options.row;
    this.lastActivityMs = options.room.clock.monotonicMs();
  }

  get id(): string {
    return this.row.id;
  }

  touch(): void {
    this.lastActivityMs = this.room.clock.monotonicMs();
  }

  /**
   * Takes over what came along with its sandbox's memory. `busy`: what a kernel was in the middle of has the session's turn until it is over; it is
   * no execution of this session.
   */
  inherit(options: { readonly busy: boolean }): void {
    adoptProcesses(this.bench, options);
    if (!options.busy) return;
    const place = this.turn.enter("queue");
    this.#inherited = place;
    void this.bench.free().then(() => place.leave());
  }

  /** What was inherited counts no longer: its sandbox is about to go. */
  disinherit(): void {
    this.#inherited?.leave();
  }

  runBegins(run: ExecutionRun): void {
    this.runs.set(run.id, run);
    this.#index.set(run.id, run);
  }

  runOver(run: ExecutionRun): void {
    this.runs.delete(run.id);
    this.#index.delete(run.id);
    this.touch();
  }

  /** Waits until it is known how the sandbox ended. One that cannot be spoken to but does not end is destroyed. */
  async waitForEnd(): Promise<void> {
    const late = setTimeout(() => this.abandonSandbox("its connection is gone"), END_PATIENCE_MS);
    this.sandboxEnd = await this.bench.sandbox.ended;
    clearTimeout(late);
  }

  /** What runs in it does not obey: it goes. */
  abandonSandbox(reason: string): void {
    this.room.logger.error({ sessionId: this.id, reason }, "destroying a sandbox that does not obey");
    this.background(this.bench.sandbox.destroy());
  }

  /** Work that nobody waits for, except a shutdown. Its failure is logged. */
  background(task: Promise<unknown>): void {
    const kept = task
      .catch((error: unknown) => {
        this.room.logger.error({ sessionId: this.id, err: error }, "background work of a session failed");
      })
      .finally(() => this.#tasks.delete(kept));
    this.#tasks.add(kept);
  }

  /** Resolves when the background work so far is done. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#tasks]);
  }
}
