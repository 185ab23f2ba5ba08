import type { ContextStore } from "../../../context/index.ts";
import { GloveboxError } from "../../../core/index.ts";
import type { contextOperations } from "../../operations/context.ts";
import type { HandlersOf } from "../call.ts";
import { firstSeq } from "../event-page.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import { type HandlerContext, partOf } from "../options.ts";

type Past = NonNullable<Parameters<ContextStore["search"]>[1]["at"]>;

export function contextHandlers(context: HandlerContext): HandlersOf<typeof contextOperations> {
  const store = () => partOf(context, "context");
  return {
    "context.add": async ({ principal, body, signal }) =>
      await store().add(principal.tenantId, body.documents.map(defined), { signal }),
    "context.list": async ({ principal, query }) => {
      const { revision, time, snapshot, run, ...rest } = query;
      const at = pastOf({ revision, time, snapshot, run });
      return await store().list(principal.tenantId, defined({ ...rest, at }));
    },
    "context.get": async ({ principal, params, query }) => {
      const { version, ...past } = query;
      return await store().get(principal.tenantId, params.id, defined({ version, at: pastOf(past) }));
    },
    "context.history": async ({ principal, params }) => ({
      items: await store().history(principal.tenantId, params.id),
    }),
    "context.remove": async ({ principal, params, query }) =>
      await store().remove(principal.tenantId, params.id, defined({ origin: principal.name, ...query })),
    "context.merge": async ({ principal, params, body }) =>
      await store().merge(principal.tenantId, params.id, defined(body)),
    "context.pin": async ({ principal, params, body }) => await store().pin(principal.tenantId, params.id, body.pinned),
    "context.search": async ({ principal, body, signal }) => await store().search(principal.tenantId, body, signal),
    "context.snapshots.create": async ({ principal, body }) =>
      await store().snapshot(principal.tenantId, body.scope, body.name),
    "context.snapshots.list": async ({ principal, query }) => ({
      items: await store().snapshots(principal.tenantId, query.scope),
    }),
    "context.snapshots.delete": async ({ principal, params }) =>
      await store().deleteSnapshot(principal.tenantId, params.id),
    "context.rollback": async ({ principal, body }) =>
      await store().rollback(principal.tenantId, body.scope, body.to, body.origin),
    "context.compact": async ({ principal, body }) => await store().compact(principal.tenantId, body.before),
    "context.changes": async (call) => {
      const { scope, afterSeq } = call.query;
      const after = firstSeq(call.request, afterSeq);
      const from = after === 0 && afterSeq === undefined ? {} : { afterRevision: after };
      const changes = store().changes(call.principal.tenantId, scope, { ...from, signal: call.signal });
      async function* frames(): AsyncGenerator<SseFrame> {
        for await (const change of changes) yield { id: change.revision, data: change };
      }
      await sendEventStream(call.request, call.reply, frames(), {
        heartbeatMs: context.settings.heartbeatMs,
        signal: call.signal,
        redactor: context.redactor,
      });
    },
  };
}

function pastOf(given: {
  readonly revision?: number | undefined;
  readonly time?: string | undefined;
  readonly snapshot?: string | undefined;
  readonly run?: string | undefined;
}): Past | undefined {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  if (named.length > 1) {
    throw new GloveboxError("invalid_argument", "a past state is named by one of revision, time, snapshot and run");
  }
  return named.length === 0 ? undefined : (Object.fromEntries(named) as Past);
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the fields that are `undefined`. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
