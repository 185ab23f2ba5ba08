import { type ErrorCode, GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { PersonsAnswer } from "../approvals/ask-person.ts";
import type { TurnScope } from "./turn-scope.ts";

/** Why something that a person was asked about does not happen, in words. */
export function refusal({ status, reason, decidedBy }: PersonsAnswer): string {
  const why = reason === undefined ? "" : `: ${reason}`;
  if (status === "refused") return `refused by ${decidedBy ?? "a person"}${why}`;
  return `not approved (${status})${why}`;
}

export function refusedByPerson(answer: PersonsAnswer): GloveboxError {
  const details = { approvalId: answer.id, status: answer.status };
  return new GloveboxError("policy_denied", refusal(answer), { details });
}

const ENDING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "journal_mismatch",
  "deadline_exceeded",
  "budget_exceeded",
  "cancelled",
  "store_failed",
  "internal",
]);

/** Whether nothing more can be done in the turn. Other failures are told, and the turn goes on. */
export function endsTurn({ context }: TurnScope, error: unknown): boolean {
  return context.signal.aborted || !isGloveboxError(error) || ENDING.has(error.code);
}
