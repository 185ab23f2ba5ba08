import { createHash } from "node:crypto";
import {
  canonicalJson,
  type Execution,
  type ExecutionInput,
  GloveboxError,
  isFinal,
  newId,
  type StoredEvent,
  toTimestamp,
} from "../../core/index.ts";
import { STDIN_WINDOW_BYTES } from "../../sandbox/index.ts";
import type { ExecutionFilter, Page } from "../../store/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { type SessionRegistry, takesWork } from "../lifecycle/session-registry.ts";
import type { OutputReader } from "../output/output-reader.ts";
import type { StoredRequest } from "../output/stream-state.ts";
import { installRequirements } from "../packages/requirements.ts";
import type { Room } from "../room.ts";
import type { ExecutionService } from "../services.ts";
import { checkInWorkspace } from "./check-in-workspace.ts";
import { executionLimits } from "./execution-limits.ts";
import { ExecutionRun, overError, type RunOptions } from "./execution-run.ts";
import { feedStdin } from "./feed-stdin.ts";
import { holdRequest, maskedExecution } from "./held-request.ts";
import { checkInput, planFor } from "./make-plan.ts";
import { executionStream } from "./store-sink.ts";

export const NO_METRICS: Execution["metrics"] = {
  queuedMs: 0,
  durationMs: 0,
  cpuMs: 0,
  maxRssKb: 0,
  events: 0,
  outputBytes: 0,
  truncated: { stdout: false, stderr: false },
};

const PAGE = 500;

type Started = Awaited<ReturnType<ExecutionService["start"]>>;

/** Runs things in sessions that are ready, and tells of what ran. */
export class Executions implements ExecutionService {
  readonly #room: Room;
  readonly #registry: SessionRegistry;

  constructor(room: Room, registry: SessionRegistry) {
    this.#room = room;
    this.#registry = registry;
  }

  async start(
    tenantId: string,
    sessionId: string,
    input: ExecutionInput,
    { reader, isFirst = false }: { readonly reader?: OutputReader; readonly isFirst?: boolean } = {},
  ): Promise<Started> {
    const session = await this.#registry.ready(tenantId, sessionId);
    const work = checkInput(input, session.row.languages);
    const request = { ...requestOf(session, input, work), ...(reader !== undefined && { isRead: true }) };
    const first = this.#known(session, input.idempotencyKey, request.requestHash);
    if (first !== undefined) return this.#existing(tenantId, first);
    if (work.kind === "run_file") await checkInWorkspace(session, work.path ?? "");
    const { requirements } = input;
    if (requirements !== undefined && requirements.length > 0) {
      await installRequirements({
        session,
        language: work.language,
        requirements,
        registries: this.#room.layers.registries,
        run: async (installer) => (await this.start(tenantId, sessionId, installer)).finished,
      });
    }
    session.touch();
    const background = input.kind === "command" && input.background === true;
    const place = background ? undefined : session.turn.enter(input.onBusy ?? "reject");
    try {
      const { store } = this.#room;
      const given = this.#newExecution(session, work, input, place?.waited === true);
      const execution = maskedExecution(session.redactor, given);
      const stdin = place?.waited || isLong(input.stdin) ? input.stdin : undefined;
      const held = await holdRequest(store, request, { given, masked: execution, stdin });
      const atOnce = stdin === undefined ? input.stdin : undefined;
      const stored = { ...held, ...(atOnce !== undefined && { stdinBytes: Buffer.byteLength(atOnce) }) };
      // It may have been paused, or be about to be rolled back, by now.
      if (!takesWork(session)) await this.#refuse(session);
      const created = this.#room.store.executions.create(execution, request.requestHash);
      if (isFirst)
        session.idempotencyKeys.remember(input.idempotencyKey ?? "", request.requestHash ?? "", execution.id);
      else if (request.requestHash !== undefined) {
        // The code must not run twice, so here the row comes first.
        const { id } = await created;
        session.idempotencyKeys.remember(input.idempotencyKey ?? "", request.requestHash, id);
        if (id !== execution.id) {
          place?.leave();
          return await this.#existing(tenantId, id);
        }
      }
      return await this.#begin(session, { execution, given, request: stored, place, created, reader }, input.stdin);
    } catch (error) {
      // Once it runs the turn is its own to give up.
      if (!(error instanceof BegunError)) place?.leave();
      throw error instanceof BegunError ? error.cause : error;
    }
  }

  /** Runs while its row is written; the answer waits for both the row and what a restart needs to go on. */
  async #begin(
    session: LiveSession,
    parts: Pick<RunOptions, "execution" | "request" | "place" | "created" | "reader"> & { readonly given: Execution },
    stdin: string | undefined,
  ): Promise<Started> {
    const { execution, given, request, place, created } = parts;
    const run = new ExecutionRun({ session, plan: planFor(given, { request }), ...parts });
    session.runBegins(run);
    if (stdin !== undefined && (stdin !== "" || request.kernelStdin === undefined)) {
      session.background(feedStdin(run, Buffer.from(stdin)));
    }
    session.background(run.drive());
    try {
      await created;
      await (place?.waited ? run.recorder.drain() : run.recorder.underWay);
    } catch (error) {
      throw new BegunError(error);
    }
    return { execution, existing: false, finished: run.finished };
  }

  #newExecution(
    session: LiveSession,
    work: ReturnType<typeof checkInput>,
    input: ExecutionInput,
    queued: boolean,
  ): Execution {
    const nowMs = this.#room.clock.nowMs();
    const now = toTimestamp(nowMs);
    return {
      id: newId(nowMs),
      tenantId: session.row.tenantId,
      sessionId: session.id,
      ...work,
      background: input.background === true,
      status: queued ? "queued" : "running",
      metrics: NO_METRICS,
      ...(input.idempotencyKey !== undefined && { idempotencyKey: input.idempotencyKey }),
      createdAt: now,
      ...(!queued && { startedAt: now }),
    };
  }

  #known(session: LiveSession, key: string | undefined, hash: string | undefined): string | undefined {
    return key === undefined || hash === undefined ? undefined : session.idempotencyKeys.find(key, hash);
  }

  async #existing(tenantId: string, id: string): Promise<Started> {
    const finished = this.wait(tenantId, id);
    finished.catch(() => {});
    return { execution: await this.get(tenantId, id), existing: true, finished };
  }

  async find(tenantId: string, sessionId: string, idempotencyKey: string): Promise<Execution | undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.list(tenantId, { sessionId, limit: PAGE, ...(cursor !== undefined && { cursor }) });
      const found = page.items.find((execution) => execution.idempotencyKey === idempotencyKey);
      if (found !== undefined) return found;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return undefined;
  }

  read(tenantId: string, id: string, reader: OutputReader): void {
    this.#registry.run(tenantId, id)?.read(reader);
  }

  async get(tenantId: string, id: string): Promise<Execution> {
    const execution = await this.#room.store.executions.get(tenantId, id);
    if (execution === undefined) throw new GloveboxError("not_found", `no execution ${id}`);
    return execution;
  }

  list(tenantId: string, filter?: ExecutionFilter): Promise<Page<Execution>> {
    return this.#room.store.executions.list(tenantId, filter);
  }

  async cancel(tenantId: string, id: string): Promise<Execution> {
    const run = this.#registry.run(tenantId, id);
    if (run === undefined) return this.get(tenantId, id);
    await this.#refusePaused(run);
    run.control.stop({ kind: "cancelled" });
    return run.finished;
  }

  async writeStdin(
    tenantId: string,
    id: string,
    data: Uint8Array,
    options: { readonly close?: boolean } = {},
  ): Promise<void> {
    const run = await this.#running(tenantId, id);
    await this.#refusePaused(run);
    this.#registry.touch(run.execution.sessionId);
    const process = await run.process();
    if (data.length > 0) await process.write(data, run.control.signal);
    if (options.close === true) await process.closeStdin();
  }

  async resize(tenantId: string, id: string, rows: number, columns: number): Promise<void> {
    const run = await this.#running(tenantId, id);
    await this.#refusePaused(run);
    await (await run.process()).resize(rows, columns);
  }

  async wait(tenantId: string, id: string, signal?: AbortSignal): Promise<Execution> {
    const run = this.#registry.run(tenantId, id);
    if (run === undefined) return this.get(tenantId, id);
    if (signal === undefined) return run.finished;
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([run.finished, promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async events(
    tenantId: string,
    id: string,
    {
      isKnown = false,
      ...options
    }: { readonly afterSeq?: number; readonly limit?: number; readonly isKnown?: boolean } = {},
  ): Promise<readonly StoredEvent[]> {
    if (!isKnown && this.#registry.run(tenantId, id) === undefined) await this.get(tenantId, id);
    return this.#room.store.events.read(executionStream(tenantId, id), options);
  }

  async *follow(
    tenantId: string,
    id: string,
    options?: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<StoredEvent> {
    await this.get(tenantId, id);
    yield* this.#room.store.events.follow(executionStream(tenantId, id), options);
  }

  async #refuse({ row: { tenantId, id } }: LiveSession): Promise<never> {
    await this.#registry.ready(tenantId, id);
    throw new GloveboxError("session_not_ready", "the session was taken up anew: ask again");
  }

  /** What stands still hears nothing. */
  async #refusePaused({ execution: { tenantId, sessionId } }: ExecutionRun): Promise<void> {
    if (this.#registry.find(tenantId, sessionId)?.row.status === "paused")
      await this.#registry.ready(tenantId, sessionId);
  }

  async #running(tenantId: string, id: string): Promise<ExecutionRun> {
    const run = this.#registry.run(tenantId, id);
    if (run !== undefined) return run;
    const execution = await this.get(tenantId, id);
    if (isFinal(execution.status)) throw overError();
    throw new GloveboxError("unavailable", "the execution is being settled");
  }
}

/** A failure after the work had begun: whoever drives it ends it. */
class BegunError extends Error {
  constructor(cause: unknown) {
    super("the execution had begun", { cause });
  }
}

function requestOf(
  session: LiveSession,
  input: ExecutionInput,
  work: Pick<Execution, "kind" | "language">,
): StoredRequest {
  return {
    limits: executionLimits(session.template, input),
    ...(input.terminal !== undefined && { terminal: input.terminal }),
    ...(input.cwd !== undefined && { cwd: input.cwd }),
    ...(inKernel(work) && { kernelStdin: hasStdin(session, input.stdin) }),
    ...(input.idempotencyKey !== undefined && { requestHash: hashOf(input) }),
  };
}

/** Whether text for stdin is not given at once, before the execution is answered for: it must outlive a restart. */
function isLong(stdin: string | undefined): boolean {
  return stdin !== undefined && Buffer.byteLength(stdin) > STDIN_WINDOW_BYTES;
}

function inKernel({ kind, language }: Pick<Execution, "kind" | "language">): boolean {
  return kind !== "command" && language !== "rust";
}

/** Whether code in a kernel needs a stdin of its own: an empty one is there anyway. Errors: `not_supported_by_isolation`. */
function hasStdin(session: LiveSession, stdin: string | undefined): boolean {
  if (session.row.isolation !== "isolate") return stdin !== "";
  if (stdin) throw new GloveboxError("not_supported_by_isolation", "JavaScript in an isolate has no stdin");
  return false;
}

function hashOf(input: ExecutionInput): string {
  const { onBusy: _onBusy, idempotencyKey: _key, ...body } = input;
  return createHash("sha256").update(canonicalJson(body)).digest("hex");
}
