import { isGloveboxError, isId, LIVE_SESSION_STATUSES, type Session } from "../../../core/index.ts";
import type { SessionFilter } from "../../../store/index.ts";
import type { sessionOperations } from "../../operations/sessions.ts";
import type { Call, HandlersOf } from "../call.ts";
import { eventPage, firstSeq, wantsStream } from "../event-page.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import type { HandlerContext } from "../options.ts";

type Operations = typeof sessionOperations;

export function sessionHandlers(context: HandlerContext): Omit<HandlersOf<Operations>, "sessions.terminal"> {
  const { sessions } = context.services;
  return {
    "sessions.list": async ({ principal, query }) => {
      const filter = await toFilter(context, principal.tenantId, query);
      return filter === undefined ? { items: [] } : await sessions.list(principal.tenantId, filter);
    },
    "sessions.create": async (call) => await createSession(context, call),
    "sessions.get": async ({ principal, params }) => await sessions.get(principal.tenantId, params.id),
    "sessions.delete": async ({ principal, params }) => await sessions.delete(principal.tenantId, params.id),
    "sessions.close": async ({ principal, params }) =>
      await sessions.close(principal.tenantId, params.id, `token:${principal.name}`),
    "sessions.pause": async ({ principal, params, body }) =>
      await sessions.pause(principal.tenantId, params.id, { release: body.release === true }),
    "sessions.resume": async ({ principal, params }) => await sessions.resume(principal.tenantId, params.id),
    "sessions.keepalive": async ({ principal, params }) => await sessions.keepalive(principal.tenantId, params.id),
    "sessions.stats": async ({ principal, params }) => await sessions.stats(principal.tenantId, params.id),
    "sessions.events": async (call) => await sessionEvents(context, call),
  };
}

/** `undefined` when nothing can fit, because the template that is named does not exist. */
async function toFilter(
  context: HandlerContext,
  tenantId: string,
  query: Call<Operations["sessions.list"]>["query"],
): Promise<SessionFilter | undefined> {
  const { template, metadata, ...rest } = query;
  const pairs = metadata?.map((item) => [item.slice(0, item.indexOf("=")), item.slice(item.indexOf("=") + 1)]);
  const filter: SessionFilter = pairs === undefined ? rest : { ...rest, metadata: Object.fromEntries(pairs) };
  if (template === undefined) return filter;
  if (isId(template)) return { ...filter, templateId: template };
  try {
    return { ...filter, templateId: (await context.services.templates.get(tenantId, template)).id };
  } catch (error) {
    if (isGloveboxError(error, "not_found")) return undefined;
    throw error;
  }
}

async function createSession(context: HandlerContext, call: Call<Operations["sessions.create"]>): Promise<Session> {
  const { sessions } = context.services;
  const { tenantId, root } = call.principal;
  const make = async () => await sessions.create(tenantId, call.body, { trusted: root, signal: call.signal });
  const key = idempotencyKeyOf(call.request.headers);
  if (key === undefined) {
    const { session, reused } = await make();
    if (reused) call.reply.code(200);
    return session;
  }
  const { answer, replayed } = await once(context.store.idempotency, {
    tenantId,
    operation: "sessions.create",
    key,
    request: call.body,
    work: async () => {
      const { session, reused } = await make();
      if (reused) call.reply.code(200);
      return { entityId: session.id, answer: session };
    },
    replay: async (id) => await sessions.get(tenantId, id),
  });
  if (replayed) call.reply.header("idempotent-replayed", "true");
  return answer;
}

async function sessionEvents(context: HandlerContext, call: Call<Operations["sessions.events"]>) {
  const { tenantId } = call.principal;
  const { id } = call.params;
  const { sessions } = context.services;
  const stream = await sessions.eventStream(tenantId, id);
  const isOver = async () => !LIVE_SESSION_STATUSES.includes((await sessions.get(tenantId, id)).status);
  const afterSeq = firstSeq(call.request, call.query.afterSeq);
  if (!wantsStream(call.request)) {
    return await eventPage({
      afterSeq,
      limit: call.query.limit,
      isOver,
      read: (range) => context.store.events.read(stream, range),
    });
  }
  async function* frames(): AsyncGenerator<SseFrame> {
    for await (const event of context.store.events.follow(stream, { afterSeq, signal: call.signal })) {
      yield { id: event.seq, data: event };
    }
    if (!call.signal.aborted) yield { event: "end", data: { session: await sessions.get(tenantId, id) } };
  }
  await sendEventStream(call.request, call.reply, frames(), {
    heartbeatMs: context.settings.heartbeatMs,
    signal: call.signal,
    redactor: context.redactor,
  });
  return undefined;
}
