import type { Snapshot } from "../../../core/index.ts";
import type { snapshotOperations } from "../../operations/snapshots.ts";
import type { Call, HandlersOf } from "../call.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";

type Operations = typeof snapshotOperations;

export function snapshotHandlers(context: HandlerContext): HandlersOf<Operations> {
  const { snapshots } = context.services;
  return {
    "snapshots.list": async ({ principal, params, query }) =>
      await snapshots.list(principal.tenantId, params.id, query),
    "snapshots.create": async (call) => await createSnapshot(context, call),
    "snapshots.get": async ({ principal, params }) =>
      await snapshots.get(principal.tenantId, params.id, params.snapshotId),
    "snapshots.diff": async ({ principal, params, query }) =>
      await snapshots.diff(principal.tenantId, params.id, params.snapshotId, query.to),
    "snapshots.delete": async ({ principal, params }) =>
      await snapshots.delete(principal.tenantId, params.id, params.snapshotId),
    "sessions.rollback": async ({ principal, params, body }) => {
      const { snapshot, paths, force } = body;
      const options = { ...(paths !== undefined && { paths }), ...(force !== undefined && { force }) };
      return await snapshots.rollback(principal.tenantId, params.id, snapshot, options);
    },
    "sessions.fork": async ({ principal, params, body }) => {
      const { count, snapshot } = body;
      const options = {
        ...(count !== undefined && { count }),
        ...(snapshot !== undefined && { snapshotId: snapshot }),
      };
      return await snapshots.fork(principal.tenantId, params.id, options);
    },
  };
}

async function createSnapshot(context: HandlerContext, call: Call<Operations["snapshots.create"]>): Promise<Snapshot> {
  const { snapshots } = context.services;
  const { tenantId } = call.principal;
  const { id } = call.params;
  const make = async () => await snapshots.create(tenantId, id, call.body);
  const key = idempotencyKeyOf(call.request.headers);
  if (key === undefined) return await make();
  const { answer, replayed } = await once(context.store.idempotency, {
    tenantId,
    operation: "snapshots.create",
    key,
    request: { id, ...call.body },
    work: async () => {
      const answer = await make();
      return { entityId: answer.id, answer };
    },
    replay: async (snapshotId) => await snapshots.get(tenantId, id, snapshotId),
  });
  if (replayed) call.reply.header("idempotent-replayed", "true");
  return answer;
}
