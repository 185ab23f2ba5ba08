import { type Approval, GloveboxError, isGloveboxError, type Language, newId, toTimestamp } from "../../core/index.ts";
import type { TurnScope } from "../turn/turn-scope.ts";

export interface Question {
  readonly prompt: string;
  readonly language?: Language;
  readonly code?: string;
}

export type PersonsAnswer = Pick<Approval, "id" | "status" | "reason" | "decidedBy">;

/** The name of the signal that a decision comes with. */
export function approvalSignal(id: string): string {
  return `approval ${id}`;
}

/**
 * Asks a person and waits, durably, until they decide or the time for it is over. What stands in the store is the decision; the signal only says that there is one,
 * so one that somebody else sends decides nothing.
 */
export async function askPerson(scope: TurnScope, question: Question): Promise<PersonsAnswer> {
  const { context, input, parts, budget } = scope;
  const { tenantId, runId } = context;
  const id = await context.step("approval id", {}, () => newId());
  const expiresMs = await context.step("ask a person", { id, ...question }, async (asked, step) => {
    const nowMs = parts.clock.nowMs();
    const expiresAtMs = nowMs + input.assistant.approvalTimeoutMs;
    const approval: Approval = {
      ...asked,
      tenantId,
      runId: step.runId,
      conversationId: input.conversationId,
      status: "pending",
      createdAt: toTimestamp(nowMs),
      expiresAt: toTimestamp(expiresAtMs),
    };
    await parts.store.approvals.create(approval);
    scope.emit({ type: "approval", approval });
    return expiresAtMs;
  });
  for (;;) {
    const leftMs = Math.max(0, expiresMs - (await context.now()));
    const { timeoutMs = leftMs } = await budget.time();
    const isOver = await waited(scope, id, Math.min(leftMs, timeoutMs));
    const answer = await context.step("decision", { id, isOver }, async (asked) => {
      if (asked.isOver) await parts.store.approvals.decide(tenantId, id, expiry(parts.clock.nowMs()));
      const row = await parts.store.approvals.get(tenantId, id);
      if (row === undefined) throw new GloveboxError("not_found", `the approval ${id} of run ${runId} is gone`);
      const { status, reason, decidedBy } = row;
      return { id, status, ...(reason !== undefined && { reason }), ...(decidedBy !== undefined && { decidedBy }) };
    });
    if (answer.status !== "pending") return answer;
  }
}

async function waited({ context }: TurnScope, id: string, timeoutMs: number): Promise<boolean> {
  try {
    await context.waitFor(approvalSignal(id), { approval: true, timeoutMs });
    return false;
  } catch (error) {
    if (isGloveboxError(error, "timeout")) return true;
    throw error;
  }
}

export function expiry(nowMs: number) {
  return { status: "expired", at: toTimestamp(nowMs), reason: "nobody decided in time" } as const;
}
