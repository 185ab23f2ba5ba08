import type { Approvals } from "../approvals/approval-service.ts";
import type { RunParts } from "./run-of-turn.ts";
import { inputOf } from "./run-of-turn.ts";
import { CHAT_TURN } from "./turn-input.ts";

const PAGE = 500;

/** Runs that wait for a decision that was made, but of which the last server did not get round to tell them, are told now. */
export async function recoverTurns(parts: RunParts, approvals: Approvals): Promise<void> {
  let after = "";
  for (;;) {
    const page = await parts.store.runs.unfinished(after, PAGE);
    for (const { run } of page) {
      if (run.program === CHAT_TURN) await tellDecided(parts, approvals, run.tenantId, run.id);
    }
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    after = last.run.id;
  }
}

async function tellDecided(parts: RunParts, approvals: Approvals, tenantId: string, runId: string): Promise<void> {
  const conversationId = (await inputOf(parts, tenantId, runId))?.conversationId;
  if (conversationId === undefined) return;
  const { items } = await parts.store.approvals.list(tenantId, { conversationId, limit: 1_000 });
  for (const approval of items) {
    const isDecided = approval.status === "approved" || approval.status === "refused";
    if (approval.runId === runId && isDecided) await approvals.tell(approval);
  }
}
