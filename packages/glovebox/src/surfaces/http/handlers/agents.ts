import { type AgentAnswer, messageSchemas } from "../../../agents/index.ts";
import { GloveboxError } from "../../../core/index.ts";
import type { agentOperations, taskOperations } from "../../operations/agents.ts";
import type { Call, HandlersOf } from "../call.ts";
import { idempotencyKeyOf } from "../idempotency.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function agentHandlers(context: HandlerContext): HandlersOf<typeof agentOperations> {
  const agents = () => partOf(context, "agents");
  return {
    "agents.list": async ({ principal }) => ({ items: await agents().list(principal.tenantId) }),
    "agents.schemas": async () => messageSchemas(),
    "agents.get": async ({ principal, params }) => await agents().get(principal.tenantId, params.name),
    "agents.register": async ({ principal, body }) => await agents().register(principal, body),
    "agents.heartbeat": async ({ principal, params }) => await agents().heartbeat(principal, params.name),
    "agents.remove": async ({ principal, params }) => await agents().remove(principal, params.name),
    "agents.run": async (call) => await run(context, call),
  };
}

export function taskHandlers(context: HandlerContext): HandlersOf<typeof taskOperations> {
  const agents = () => partOf(context, "agents");
  return {
    "tasks.list": async ({ principal, query }) => await agents().tasks(principal.tenantId, query),
    "tasks.get": async ({ principal, params }) => await agents().task(principal.tenantId, params.id),
    "tasks.lease": async ({ principal, body, signal }) => {
      const until = AbortSignal.any([signal, context.draining]);
      const lease = await agents().lease(principal, body, until);
      return lease === undefined ? {} : { lease };
    },
    "tasks.extend": async ({ principal, params, body }) => await agents().extend(principal, params.id, body),
    "tasks.complete": async ({ principal, params, body: { leaseId, payload, metrics } }) => {
      const { tokensUsed = 0, timeMs = 0, toolCalls = 0 } = metrics ?? {};
      const said = { leaseId, payload, metrics: { tokensUsed, timeMs, toolCalls } };
      return await agents().complete(principal, params.id, said);
    },
    "tasks.fail": async ({ principal, params, body }) => await agents().fail(principal, params.id, body),
  };
}

async function run(
  context: HandlerContext,
  { principal, params, body: { wait, ...task }, request, reply, signal }: Call<(typeof agentOperations)["agents.run"]>,
) {
  const { tenantId } = principal;
  const agents = partOf(context, "agents");
  const id = await agents.run(tenantId, params.name, task, idempotencyKeyOf(request.headers));
  if (wait !== true) return { run: await context.runs.get(tenantId, id) };
  const answer = await answerOf(context, tenantId, id, signal);
  reply.code(200);
  return { run: await context.runs.get(tenantId, id), ...(answer !== undefined && { answer }) };
}

/** Waits for the run's end; one that failed has no answer, and says why itself. */
async function answerOf(
  context: HandlerContext,
  tenantId: string,
  id: string,
  gone: AbortSignal,
): Promise<AgentAnswer | undefined> {
  const { runs, draining } = context;
  try {
    return await partOf(context, "agents").answer(tenantId, id, AbortSignal.any([gone, draining]));
  } catch (error) {
    const { status } = await runs.get(tenantId, id);
    if (status === "failed" || status === "cancelled") return undefined;
    if (!draining.aborted) throw error;
    throw new GloveboxError("unavailable", "the server is shutting down; the run goes on with the next one", {
      details: { runId: id },
    });
  }
}
