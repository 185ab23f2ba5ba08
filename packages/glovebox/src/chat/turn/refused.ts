import { GloveboxError } from "../../core/index.ts";
import type { PersonsAnswer } from "../approvals/ask-person.ts";

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
