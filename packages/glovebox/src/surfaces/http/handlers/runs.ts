import { GloveboxError } from "../../../core/index.ts";
import { Restored } from "../../operations/run-fields.ts";
import type { runOperations } from "../../operations/runs.ts";
import type { Call, HandlersOf } from "../call.ts";
import { idempotencyKeyOf } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";
import { programNamed, viewOf } from "./programs.ts";
import { hasEnded, runJournalHandlers } from "./run-journal.ts";

type Operations = typeof runOperations;

export function runHandlers(context: HandlerContext): HandlersOf<Operations> {
  const engine = context.runs;
  return {
    ...runJournalHandlers(context),
    "programs.list": async () => ({ items: engine.programs().map(viewOf) }),
    "runs.start": async (call) => await start(context, call),
    "runs.list": async ({ principal, query }) => await engine.list(principal.tenantId, query),
    "runs.get": async ({ principal, params }) => await engine.get(principal.tenantId, params.id),
    "runs.result": async ({ principal, params, query, signal }) => {
      const run = await engine.get(principal.tenantId, params.id);
      const isReady = query.wait === true || hasEnded(run);
      return isReady ? await resultOf(context, principal.tenantId, params.id, signal) : { run };
    },
    "runs.signal": async ({ principal, params, body }) =>
      await engine.signal(principal.tenantId, params.id, params.name, body?.payload),
    "runs.cancel": async ({ principal, params, body }) => {
      await engine.cancel(principal.tenantId, params.id, body?.reason);
      return await engine.get(principal.tenantId, params.id);
    },
    "runs.resume": async ({ principal, params }) => {
      await engine.resume(principal.tenantId, params.id);
      return await engine.get(principal.tenantId, params.id);
    },
    "runs.rollback": async ({ principal, params, body: { step, reason } }) => {
      const asked = { step, ...(reason !== undefined && { reason }) };
      const restored = await engine.rollback(principal.tenantId, params.id, asked);
      const run = await engine.get(principal.tenantId, params.id);
      return { ...run, ...(restored !== undefined && { restored: Restored.parse(restored) }) };
    },
    "runs.replay": async ({ principal, params, body, signal }) =>
      await engine.replay(principal.tenantId, params.id, { live: body?.live ?? false, signal }),
    "runs.fork": async ({ principal, params, body }) => {
      const { id } = await engine.fork(principal.tenantId, params.id, body);
      return { run: await engine.get(principal.tenantId, id) };
    },
    "runs.verify": async ({ principal, params }) => await engine.verify(principal.tenantId, params.id),
    "runs.delete": async ({ principal, params }) => await engine.delete(principal.tenantId, params.id),
  };
}

async function start(
  context: HandlerContext,
  { principal, body, request, reply, signal }: Call<Operations["runs.start"]>,
) {
  const { tenantId } = principal;
  const { program, version, input, wait, priority, timeoutMs, budget } = body;
  const idempotencyKey = idempotencyKeyOf(request.headers);
  const { id } = await context.runs.start(programNamed(context.runs, program, version), input, {
    tenantId,
    ...(priority !== undefined && { priority }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(budget !== undefined && { budget: present(budget) }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  });
  if (wait !== true) return { run: await context.runs.get(tenantId, id) };
  const result = await resultOf(context, tenantId, id, signal);
  reply.code(200);
  return result;
}

/** Waits for the end, which may be a failure; or refuses with `unavailable` when the server stops first: the run itself goes on with the next one. */
async function resultOf(context: HandlerContext, tenantId: string, id: string, gone: AbortSignal) {
  const { runs, draining } = context;
  try {
    const output = await runs.result(tenantId, id, AbortSignal.any([gone, draining]));
    return { run: await runs.get(tenantId, id), ...(output !== undefined && { output }) };
  } catch (error) {
    const run = await runs.get(tenantId, id);
    if (run.status === "failed" || run.status === "cancelled") return { run };
    if (!draining.aborted) throw error;
    throw new GloveboxError("unavailable", "the server is shutting down; the run goes on with the next one", {
      details: { runId: id },
    });
  }
}

function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
