import { TOOL_NEEDS, type TurnEvent, type TurnInput } from "../../../chat/index.ts";
import { GloveboxError, type Principal } from "../../../core/index.ts";
import type { chatOperations } from "../../operations/chat.ts";
import type { Call, HandlersOf } from "../call.ts";
import { wantsStream } from "../event-page.ts";
import { idempotencyKeyOf } from "../idempotency.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import { type HandlerContext, partOf } from "../options.ts";

type Operations = typeof chatOperations;

/** A client that goes away, and a server that stops, end only the looking: the turn is a run and goes on. */
export function chatHandlers(context: HandlerContext): HandlersOf<Operations> {
  return {
    "chat.send": async (call) => {
      const { stream, ...said } = call.body;
      const idempotencyKey = idempotencyKeyOf(call.request.headers);
      const key = idempotencyKey === undefined ? {} : { idempotencyKey };
      const input = { ...said, ...key, ...forbidding(context, call.principal) } as TurnInput;
      const { runId } = await partOf(context, "chat").turns.start(call.principal.tenantId, input);
      if (stream === true || wantsStream(call.request)) return await sendTurn(context, call, runId);
      return await turnResult(context, call, runId);
    },
    "chat.get": async (call) => {
      const { id } = call.params;
      if (!wantsStream(call.request)) return await turnResult(context, call, id);
      // Before the stream begins: what is not there is a proper error.
      await context.runs.get(call.principal.tenantId, id);
      return await sendTurn(context, call, id);
    },
  };
}

/** Tools whose operation the caller may not do: a conversation is no way around that. */
export function forbidding({ authorizer }: HandlerContext, principal: Principal): Pick<TurnInput, "forbidden"> {
  const { tenantId } = principal;
  const forbidden = Object.entries(TOOL_NEEDS).flatMap(([tool, operation]) =>
    authorizer.check(principal, operation, { kind: operation.split(".")[0] ?? "", tenantId }).allowed ? [] : [tool],
  );
  return forbidden.length === 0 ? {} : { forbidden };
}

type AnyCall = Pick<Call<Operations["chat.send"]>, "principal" | "request" | "reply" | "signal">;

/** Waits for the turn's end, or refuses with `unavailable` when the server stops first. */
export async function turnResult(
  context: HandlerContext,
  { principal, signal }: Pick<AnyCall, "principal" | "signal">,
  runId: string,
) {
  try {
    return await partOf(context, "chat").turns.result(principal.tenantId, runId, signal);
  } catch (error) {
    if (!context.draining.aborted) throw error;
    throw new GloveboxError("unavailable", "the server is shutting down; the turn goes on with the next one", {
      details: { runId },
    });
  }
}

async function sendTurn(context: HandlerContext, call: AnyCall, runId: string): Promise<undefined> {
  const events = partOf(context, "chat").turns.follow(call.principal.tenantId, runId, call.signal);
  await sendEventStream(call.request, call.reply, frames(events), {
    heartbeatMs: context.settings.heartbeatMs,
    signal: call.signal,
    redactor: context.redactor,
  });
  return undefined;
}

async function* frames(events: AsyncIterable<TurnEvent>): AsyncGenerator<SseFrame> {
  for await (const event of events) yield { event: event.type, data: event };
}
