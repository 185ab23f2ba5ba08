import type { TurnResult } from "../../../chat/index.ts";
import { type ErrorCode, GloveboxError, isGloveboxError } from "../../../core/index.ts";
import type { openAiOperations } from "../../operations/openai.ts";
import type { Call, HandlersOf } from "../call.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import { chunksOf } from "../openai/chunks.ts";
import { completionOf } from "../openai/completion.ts";
import { toOpenAiError } from "../openai/error-body.ts";
import { turnOf } from "../openai/read-request.ts";
import { type HandlerContext, partOf } from "../options.ts";
import { forbidding, turnResult } from "./chat.ts";

type Completions = Call<(typeof openAiOperations)["chat.completions"]>;

/** Assistants do not tell when they were made, and clients want a number. */
const CREATED = 0;
/** For a turn that was cancelled to end, milliseconds. */
const FORGET_MS = 60_000;

export function openAiHandlers(context: HandlerContext): HandlersOf<typeof openAiOperations> {
  return {
    "chat.completions": async (call) => await complete(context, call),
    "models.list": async () => ({
      object: "list" as const,
      data: partOf(context, "chat").assistants.list().map(modelOf),
    }),
    "models.get": async ({ params }) => modelOf(assistantNamed(context, params.name)),
  };
}

function modelOf({ name }: { readonly name: string }) {
  return { id: name, object: "model" as const, created: CREATED, owned_by: "glovebox" };
}

function assistantNamed(context: HandlerContext, name: string) {
  try {
    return partOf(context, "chat").assistants.get(name);
  } catch (error) {
    if (!isGloveboxError(error, "not_found")) throw error;
    throw new GloveboxError("not_found", `The model \`${name}\` does not exist`, {
      details: { path: "model", openAiCode: "model_not_found" },
    });
  }
}

async function complete(context: HandlerContext, call: Completions) {
  const { body } = call;
  assistantNamed(context, body.model);
  const isKept = body.store === true || body.metadata?.conversation_id !== undefined;
  const turn = await partOf(context, "chat").turns.start(call.principal.tenantId, {
    ...turnOf(body),
    ...forbidding(context, call.principal),
  });
  const frame = {
    id: `chatcmpl-${turn.runId}`,
    created: Math.floor(context.clock.nowMs() / 1000),
    model: body.model,
  };
  // The turn has begun: to send it again, as such clients do by themselves, would be another turn.
  call.reply.header("x-should-retry", "false");
  try {
    if (body.stream === true) return await stream(context, call, { frame, runId: turn.runId, isKept });
    const result = await turnResult(context, call, turn.runId);
    if (result.status !== "completed") throw failureOf(result);
    return completionOf(frame, result, isKept);
  } finally {
    if (!isKept) await forget(context, call.principal.tenantId, turn);
  }
}

interface Streaming {
  readonly frame: Parameters<typeof chunksOf>[0];
  readonly runId: string;
  readonly isKept: boolean;
}

async function stream(
  context: HandlerContext,
  call: Completions,
  { frame, runId, isKept }: Streaming,
): Promise<undefined> {
  const { redactor } = context;
  const events = partOf(context, "chat").turns.follow(call.principal.tenantId, runId, call.signal);
  const includeUsage = call.body.stream_options?.include_usage === true;
  const chunks = chunksOf(frame, events, { includeUsage, kept: isKept }, (result) =>
    toOpenAiError(failureOf(result), call.request.id, redactor),
  );
  async function* frames(): AsyncGenerator<SseFrame> {
    try {
      for await (const data of chunks) yield { data };
    } catch (error) {
      if (!isGloveboxError(error)) throw error;
      yield { data: toOpenAiError(error, call.request.id, redactor) };
    }
    yield { raw: "[DONE]" };
  }
  await sendEventStream(call.request, call.reply, frames(), {
    heartbeatMs: context.settings.heartbeatMs,
    signal: call.signal,
    redactor,
  });
  return undefined;
}

function failureOf({ status, error }: TurnResult): GloveboxError {
  if (status === "cancelled") return new GloveboxError("cancelled", error?.message ?? "the turn was cancelled");
  return new GloveboxError((error?.code ?? "internal") as ErrorCode, error?.message ?? "the turn failed");
}

/** A completion that nobody asked to be kept: its conversation goes with its session. Of a client that went away nobody could ever get the answer, so its turn is ended first. */
async function forget(
  { chat, runs, logger }: HandlerContext,
  tenantId: string,
  { runId, conversationId }: { readonly runId: string; readonly conversationId: string },
): Promise<void> {
  try {
    await runs.cancel(tenantId, runId, "its client went away").catch((error: unknown) => {
      // It has ended.
      if (!isGloveboxError(error, "conflict")) throw error;
    });
    await chat?.turns.result(tenantId, runId, AbortSignal.timeout(FORGET_MS));
    await chat?.conversations.delete(tenantId, conversationId);
  } catch (error) {
    logger.error({ runId, conversationId, error: String(error) }, "could not delete a completion's conversation");
  }
}
