import { randomUUID } from "node:crypto";
import { GloveboxError } from "../../core/index.ts";
import { nextDelayMs } from "../../engine/index.ts";
import type { AgentTaskAttempt, AgentTaskRecord } from "../../store/index.ts";
import type { AgentFailure } from "../messages/result.ts";

/** Attempts of a task before it is dead. */
const MAX_ATTEMPTS = 3;

/** A task in the hands of an agent. */
export function leaseTo(record: AgentTaskRecord, agent: string, nowMs: number, leaseMs: number): AgentTaskRecord {
  const attempt: AgentTaskAttempt = { agent, startedMs: nowMs };
  const lease = { id: randomUUID(), untilMs: nowMs + leaseMs };
  return { ...record, state: "leased", agent, lease, attempts: [...record.attempts, attempt] };
}

/** A task that ended with a result. */
export function complete(record: AgentTaskRecord, nowMs: number): AgentTaskRecord {
  return { ...ended(record, nowMs, undefined), state: "completed" };
}

/**
 * A task whose attempt failed: back in the queue after 1, 2, 4 … seconds when another attempt may help, else at its end. `agent`: who is to try next; whoever
 * was asked for by name is always the next.
 */
export function fail(
  record: AgentTaskRecord,
  { code, message, retryable, details }: AgentFailure,
  { nowMs, random, agent }: { readonly nowMs: number; readonly random: number; readonly agent: string | undefined },
): AgentTaskRecord {
  const now = ended(record, nowMs, { code, message });
  if (!retryable) return { ...now, state: "failed" };
  // `details.retryAfterMs` counts here too.
  const error = new GloveboxError(code, message, { details: { ...details, retryable } });
  const delayMs = nextDelayMs({ maxAttempts: MAX_ATTEMPTS }, error, now.attempts.length, random);
  if (delayMs === undefined) return { ...now, state: "dead", summary: summaryOf(now) };
  const { agent: _former, ...rest } = now;
  const next = record.pinned ? record.agent : agent;
  return { ...rest, state: "queued", dueMs: nowMs + delayMs, ...(next !== undefined && { agent: next }) };
}

/** A task whose time is over. */
export function expire(record: AgentTaskRecord, nowMs: number): AgentTaskRecord {
  return {
    ...ended(record, nowMs, { code: "deadline_exceeded", message: "the task's time was over" }),
    state: "failed",
  };
}

/** Without its lease, and with the end of the attempt that goes on. */
function ended(record: AgentTaskRecord, nowMs: number, error: AgentTaskAttempt["error"]): AgentTaskRecord {
  const { lease: _lease, ...rest } = record;
  const attempts = record.attempts.map((attempt) =>
    attempt.endedMs === undefined ? { ...attempt, endedMs: nowMs, ...(error !== undefined && { error }) } : attempt,
  );
  return { ...rest, attempts };
}

function summaryOf({ type, attempts }: AgentTaskRecord): string {
  const said = attempts.map(({ agent, error }) => `${agent}: ${error?.code}: ${error?.message.slice(0, 300)}`);
  return `${type} failed ${attempts.length} times. ${said.join("; ")}`;
}
