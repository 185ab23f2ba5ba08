import type { JournalRecord } from "../../engine/index.ts";
import { isAgentError } from "../messages/make-message.ts";
import type { AgentError, AgentResult } from "../messages/result.ts";

/** An answer with what the journal of its run knows: how long its task took, and what it used. An outside agent says that itself. */
export async function measureAnswer(
  answer: AgentResult | AgentError,
  records: AsyncIterable<JournalRecord>,
): Promise<AgentResult | AgentError> {
  if (isAgentError(answer)) return answer;
  const branch = `${answer.agent}-${answer.id}/work/`;
  let [firstMs, lastMs]: [number | undefined, number] = [undefined, 0];
  let [tokensUsed, toolCalls] = [0, 0];
  for await (const record of records) {
    const at = record.step === undefined ? -1 : `/${record.step}`.indexOf(`/${branch}`);
    if (at === -1) continue;
    firstMs ??= record.ts;
    lastMs = record.ts;
    if (record.type !== "budget.updated") continue;
    tokensUsed += record.payload.used.tokens ?? 0;
    toolCalls += record.payload.used.toolCalls ?? 0;
  }
  if (firstMs === undefined) return answer;
  return { ...answer, metrics: { tokensUsed, timeMs: Math.max(0, lastMs - firstMs), toolCalls } };
}
