import type { TurnEvent, TurnResult } from "../services.ts";
import { inputOf, type RunParts, turnRun } from "./run-of-turn.ts";

interface Followed {
  readonly tenantId: string;
  readonly runId: string;
  result(signal: AbortSignal): Promise<TurnResult>;
}

/** What happens in a turn from now on, and how it ends. A question to a person that waits already is told at once. */
export async function* followTurn(
  parts: RunParts,
  { tenantId, runId, result }: Followed,
  signal?: AbortSignal,
): AsyncGenerator<TurnEvent> {
  await turnRun(parts, tenantId, runId);
  const waiting: TurnEvent[] = [];
  let wake = Promise.withResolvers<void>();
  using _listening = parts.hub.listen(runId, (event) => {
    add(waiting, event);
    wake.resolve();
  });
  const stop = new AbortController();
  const until = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  let end: { readonly result: TurnResult } | { readonly error: unknown } | undefined;
  void result(until)
    .then(
      (found) => {
        end = { result: found };
      },
      (error: unknown) => {
        end = { error };
      },
    )
    .finally(() => wake.resolve());
  try {
    const conversationId = (await inputOf(parts, tenantId, runId))?.conversationId ?? "";
    yield { type: "started", runId, conversationId };
    const told = new Set<string>();
    for (const approval of await pendingOf(parts, tenantId, runId, conversationId)) {
      told.add(approval.id);
      yield { type: "approval", approval };
    }
    for (;;) {
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
        if (event.type !== "approval" || !told.has(event.approval.id)) yield event;
      }
      if (end !== undefined) break;
      await wake.promise;
      wake = Promise.withResolvers();
    }
    if ("error" in end) throw end.error;
    yield { type: "completed", result: end.result };
  } finally {
    stop.abort();
  }
}

/** Pieces of one text become one while nobody takes them: a slow reader costs no more than the text. */
function add(waiting: TurnEvent[], event: TurnEvent): void {
  const last = waiting.at(-1);
  if (event.type === "text" && last?.type === "text" && last.attempt === event.attempt) {
    waiting[waiting.length - 1] = { ...last, text: last.text + event.text };
  } else if (
    event.type === "output" &&
    last?.type === "output" &&
    last.executionId === event.executionId &&
    last.stream === event.stream
  ) {
    waiting[waiting.length - 1] = { ...last, text: last.text + event.text };
  } else {
    waiting.push(event);
  }
}

async function pendingOf({ store }: RunParts, tenantId: string, runId: string, conversationId: string) {
  const { items } = await store.approvals.list(tenantId, { status: "pending", conversationId, limit: 1_000 });
  return items.filter((approval) => approval.runId === runId);
}
