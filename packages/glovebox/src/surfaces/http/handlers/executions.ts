import { type Execution, GloveboxError, isFinal, type StoredEvent } from "../../../core/index.ts";
import type { executionOperations } from "../../operations/executions.ts";
import type { Call, HandlersOf } from "../call.ts";
import { eventPage, firstSeq, wantsStream } from "../event-page.ts";
import { idempotencyKeyOf } from "../idempotency.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import type { HandlerContext } from "../options.ts";
import { executeHandlers } from "./execute.ts";

type Operations = typeof executionOperations;

/** The most events that come with an execution that was waited for. */
const ANSWER_EVENTS = 10_000;

export interface Outcome {
  readonly execution: Execution;
  readonly events: readonly StoredEvent[];
  readonly nextAfterSeq?: number;
}

export function executionHandlers(context: HandlerContext): Omit<HandlersOf<Operations>, "executions.follow"> {
  const { executions } = context.services;
  return {
    ...executeHandlers(context),
    "executions.create": async (call) => await createExecution(context, call),
    "executions.list": async ({ principal, query }) => await executions.list(principal.tenantId, query),
    "executions.get": async ({ principal, params }) => await executions.get(principal.tenantId, params.id),
    "executions.events": async (call) => await executionEvents(context, call),
    "executions.cancel": async ({ principal, params }) => await executions.cancel(principal.tenantId, params.id),
    "executions.stdin": async ({ principal, params, body }) => {
      if (body.text !== undefined && body.base64 !== undefined) {
        throw new GloveboxError("invalid_argument", "body: give either text or base64", {
          details: { in: "body", path: "base64" },
        });
      }
      const data = Buffer.from(body.text ?? body.base64 ?? "", body.text === undefined ? "base64" : "utf8");
      await executions.writeStdin(principal.tenantId, params.id, data, { close: body.close ?? false });
    },
    "executions.resize": async ({ principal, params, body }) =>
      await executions.resize(principal.tenantId, params.id, body.rows, body.columns),
  };
}

async function createExecution(context: HandlerContext, call: Call<Operations["executions.create"]>) {
  const { tenantId } = call.principal;
  const { wait, ...asked } = call.body;
  // Nobody can write to the stdin of what is waited for.
  const input = wait === true ? { stdin: "", ...asked } : asked;
  const key = idempotencyKeyOf(call.request.headers);
  if (key !== undefined && input.idempotencyKey !== undefined && key !== input.idempotencyKey) {
    throw new GloveboxError("invalid_argument", "Idempotency-Key and idempotencyKey differ", {
      details: { in: "body", path: "idempotencyKey" },
    });
  }
  const started = await context.services.executions.start(
    tenantId,
    call.params.id,
    key === undefined ? input : { ...input, idempotencyKey: key },
  );
  if (started.existing) call.reply.header("idempotent-replayed", "true");
  if (wait !== true) {
    // Its end is on disk and in the event stream; nobody here waits for it.
    started.finished.catch(() => undefined);
    return { execution: started.execution };
  }
  const outcome = await outcomeOf(context, tenantId, started.execution.id, started.finished);
  call.reply.code(200);
  return outcome;
}

/** Waits for the end, or refuses with `unavailable` when the server stops first: the execution itself goes on. */
export async function outcomeOf(
  context: HandlerContext,
  tenantId: string,
  id: string,
  finished: Promise<Execution>,
): Promise<Outcome> {
  const execution = await orDraining(context.draining, finished, id);
  const events = await context.services.executions.events(tenantId, id, { limit: ANSWER_EVENTS, isKnown: true });
  const last = events.at(-1)?.seq ?? 0;
  return last < execution.metrics.events ? { execution, events, nextAfterSeq: last } : { execution, events };
}

async function orDraining<T>(draining: AbortSignal, work: Promise<T>, executionId: string): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const onAbort = () =>
    stopped.reject(
      new GloveboxError(
        "unavailable",
        "the server is shutting down; the execution goes on where its sandbox outlives it",
        {
          details: { executionId },
        },
      ),
    );
  if (draining.aborted) onAbort();
  draining.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    draining.removeEventListener("abort", onAbort);
  }
}

async function executionEvents(context: HandlerContext, call: Call<Operations["executions.events"]>) {
  const { tenantId } = call.principal;
  const { id } = call.params;
  const { executions } = context.services;
  const afterSeq = firstSeq(call.request, call.query.afterSeq);
  if (!wantsStream(call.request)) {
    return await eventPage({
      afterSeq,
      limit: call.query.limit,
      isOver: async () => isFinal((await executions.get(tenantId, id)).status),
      read: (range) => executions.events(tenantId, id, range),
    });
  }
  await executions.get(tenantId, id);
  async function* frames(): AsyncGenerator<SseFrame> {
    for await (const event of executions.follow(tenantId, id, { afterSeq, signal: call.signal })) {
      yield { id: event.seq, data: event };
    }
    if (!call.signal.aborted)
      yield { event: "end", data: { execution: await executions.wait(tenantId, id, call.signal) } };
  }
  await sendEventStream(call.request, call.reply, frames(), {
    heartbeatMs: context.settings.heartbeatMs,
    signal: call.signal,
    redactor: context.redactor,
  });
  return undefined;
}
