import { type Execution, isGloveboxError, type NewEvent, toTimestamp } from "../../core/index.ts";
import { forgetHeld } from "../executions/held-request.ts";
import { projectOutcome } from "../executions/project-outcome.ts";
import { executionStream } from "../executions/store-sink.ts";
import type { Terminal } from "../output/recorder.ts";
import { INITIAL_STATE, type Outcome, parseStreamState, type StreamState } from "../output/stream-state.ts";
import type { Room } from "../room.ts";

/** What the disk knows of an execution that is not over by its row. */
export interface Remains {
  readonly execution: Execution;
  readonly state: StreamState | undefined;
  readonly lastSeq: number;
}

export async function readRemains(room: Room, execution: Execution): Promise<Remains> {
  const { state, lastSeq } = await room.store.events.state(executionStream(execution.tenantId, execution.id));
  return { execution, state: parseStreamState(state), lastSeq };
}

/** The `value` or `exception` that is in the stream already. */
export async function readTerminal(room: Room, { execution, state }: Remains): Promise<Terminal> {
  const seq = state?.terminalSeq;
  if (seq === undefined) return {};
  const stream = executionStream(execution.tenantId, execution.id);
  const [event] = await room.store.events.read(stream, { afterSeq: seq - 1, limit: 1 });
  if (event?.type === "value") return { value: event.payload };
  return event?.type === "exception" ? { error: event.payload } : {};
}

/** Brings the row of an execution up to what its stream says; one that nobody can go on with is `lost`. */
export async function settleRemains(room: Room, remains: Remains, reason: string): Promise<void> {
  const { execution } = remains;
  const ended = remains.state?.outcome === undefined ? await writeLost(room, remains, reason) : remains;
  await projectRemains(room, ended);
  await forgetHeld(room.store, remains.state?.request);
  room.logger.info({ executionId: execution.id, status: ended.state?.outcome?.status, reason }, "execution settled");
}

/** The row becomes what the stream's outcome says. */
async function projectRemains(room: Room, remains: Remains): Promise<void> {
  const { execution, state, lastSeq } = remains;
  const { tenantId, id } = execution;
  if (state?.outcome === undefined) return;
  const terminal = await readTerminal(room, remains);
  const queuedMs = execution.metrics.queuedMs;
  const row = projectOutcome(state.outcome, { terminal, events: lastSeq, truncated: state.truncated, queuedMs });
  await room.store.executions.update(tenantId, id, row);
  await room.store.events.close(executionStream(tenantId, id));
}

async function writeLost(room: Room, remains: Remains, reason: string): Promise<Remains> {
  const { execution, lastSeq } = remains;
  const state = remains.state ?? INITIAL_STATE;
  const now = room.clock.nowMs();
  const events: NewEvent[] = [{ type: "system", payload: { level: "error", code: "lost", message: reason } }];
  const needsTerminal = execution.kind !== "command" && state.terminalSeq === undefined;
  if (needsTerminal) events.push({ type: "exception", payload: { name: "Lost", message: reason } });
  const terminalSeq = needsTerminal ? lastSeq + events.length : state.terminalSeq;
  const startedMs = Date.parse(execution.startedAt ?? execution.createdAt);
  const outcome: Outcome = {
    status: "lost",
    exitCode: 1,
    ...(terminalSeq !== undefined && { terminalSeq }),
    cpuMs: 0,
    maxRssKb: 0,
    durationMs: Math.max(0, now - startedMs),
    outputBytes: keptBytes(state),
    endedAt: toTimestamp(now),
  };
  const next: StreamState = { ...state, outcome, ...(terminalSeq !== undefined && { terminalSeq }) };
  try {
    await room.store.events.append(executionStream(execution.tenantId, execution.id), events, next);
  } catch (error) {
    // Its last write failed half: closed, but without an outcome.
    if (!isGloveboxError(error, "conflict")) throw error;
    const { terminalSeq: _none, ...without } = outcome;
    return { execution, state: { ...state, outcome: without }, lastSeq };
  }
  return { execution, state: next, lastSeq: lastSeq + events.length };
}

/** As near as the state tells: what is past a cut was not kept. */
function keptBytes({ spent, consumed, start, consoleBytes, request }: StreamState): number {
  const limit = request?.limits.outputBytes ?? Number.MAX_SAFE_INTEGER;
  const stdout = Math.min(spent.stdout + consumed.stdout - start.stdout, limit);
  const stderr = Math.min(spent.stderr + consumed.stderr - start.stderr, limit);
  return stdout + stderr + consoleBytes;
}
