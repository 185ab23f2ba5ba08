import { GloveboxError, type Run, toTimestamp } from "../../core/index.ts";
import type { DurableEngine } from "../../engine/index.ts";
import type { TurnResult } from "../services.ts";
import { CHAT_TURN, TurnRunInput } from "./turn-input.ts";
import type { TurnParts } from "./turn-scope.ts";

export interface RunParts extends TurnParts {
  readonly engine: DurableEngine;
}

/** Whether nothing more happens in a run. */
export function hasEnded({ status }: Run): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** The run of a turn; a run of anything else is `not_found`, as no turn. */
export async function turnRun({ engine }: RunParts, tenantId: string, runId: string): Promise<Run> {
  const run = await engine.get(tenantId, runId);
  if (run.program === CHAT_TURN) return run;
  throw new GloveboxError("not_found", `run ${runId} is no turn of a chat`);
}

/** What a turn was begun with, from its journal; `undefined` when it was erased. */
export async function inputOf(
  { engine }: RunParts,
  tenantId: string,
  runId: string,
): Promise<TurnRunInput | undefined> {
  for await (const record of engine.journal(tenantId, runId)) {
    if (record.type !== "run.started") return undefined;
    const parsed = TurnRunInput.safeParse((record.payload as { readonly input?: unknown }).input);
    return parsed.success ? parsed.data : undefined;
  }
  return undefined;
}

/** What a turn came to that ended without a result: because it was cancelled, or because something failed that no turn foresees. */
export async function resultWithout(parts: RunParts, run: Run): Promise<TurnResult> {
  const input = await inputOf(parts, run.tenantId, run.id);
  const { code, message } = run.error ?? { code: "internal", message: `the run ended as ${run.status}` };
  return {
    runId: run.id,
    conversationId: input?.conversationId ?? "",
    assistant: input?.assistant.name ?? "",
    model: input?.model ?? "",
    status: run.status === "cancelled" ? "cancelled" : "error",
    error: { code, message },
    blocks: [],
    executions: [],
    decisions: [],
    ...(await saidUntil(parts, run)),
  };
}

/** What the model had answered, and what that took. */
async function saidUntil({ engine }: RunParts, run: Run): Promise<Pick<TurnResult, "text" | "usage">> {
  let text = "";
  let [inputTokens, outputTokens] = [0, 0];
  for await (const record of engine.journal(run.tenantId, run.id)) {
    if (record.type !== "step.completed" || !/^ask(#\d+)?$/.test(record.step ?? "")) continue;
    const { result } = record.payload as {
      readonly result?: { readonly text?: string; readonly usage?: TurnResult["usage"] };
    };
    text = result?.text ?? text;
    inputTokens += result?.usage?.inputTokens ?? 0;
    outputTokens += result?.usage?.outputTokens ?? 0;
  }
  const { dollars } = run.usage;
  return { text, usage: { inputTokens, outputTokens, ...(dollars > 0 && { dollars }) } };
}

/** Lets go of what a turn holds that ended otherwise than by its own last step: questions to people, and the conversation. Doing it twice is once. */
export async function releaseTurn(parts: RunParts, run: Run): Promise<void> {
  const { store, clock } = parts;
  const input = await inputOf(parts, run.tenantId, run.id);
  if (input === undefined) return;
  const at = toTimestamp(clock.nowMs());
  await withdraw(parts, run, input.conversationId, at);
  const conversation = await store.conversations.get(run.tenantId, input.conversationId);
  if (conversation?.currentRunId !== run.id) return;
  await store.conversations.endTurn(
    run.tenantId,
    input.conversationId,
    { runId: run.id, messages: input.messages },
    at,
  );
}

async function withdraw({ store }: RunParts, run: Run, conversationId: string, at: string): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await store.approvals.list(run.tenantId, {
      status: "pending",
      conversationId,
      limit: 1_000,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { id, runId } of page.items) {
      if (runId !== run.id) continue;
      await store.approvals.decide(run.tenantId, id, { status: "withdrawn", at, reason: "the turn ended" });
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
