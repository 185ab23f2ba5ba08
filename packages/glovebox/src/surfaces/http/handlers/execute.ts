import type { z } from "zod";
import {
  type ExecutionInput,
  GloveboxError,
  type Principal,
  type SessionInput,
  toGloveboxError,
} from "../../../core/index.ts";
import type { BatchRequest, ExecuteRequest, executionOperations } from "../../operations/executions.ts";
import type { HandlersOf } from "../call.ts";
import { toEnvelope } from "../error-envelope.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";
import { type Outcome, outcomeOf } from "./executions.ts";

type OneShot = z.output<typeof ExecuteRequest>;
type Batch = z.output<typeof BatchRequest>;
type Operations = Pick<typeof executionOperations, "executions.execute" | "executions.batch">;

/** How many items of a parallel batch run at once. */
const BATCH_CONCURRENCY = 8;

interface BatchItem extends Partial<Outcome> {
  readonly skipped?: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: Record<string, unknown> };
}

export function executeHandlers(context: HandlerContext): HandlersOf<Operations> {
  return {
    "executions.execute": async (call) => {
      const { principal } = call;
      const key = idempotencyKeyOf(call.request.headers);
      if (key === undefined) return await executeOnce(context, principal, call.body, call.signal);
      const { answer, replayed } = await once(context.store.idempotency, {
        tenantId: principal.tenantId,
        operation: "executions.execute",
        key,
        request: call.body,
        work: async () => {
          const answer = await executeOnce(context, principal, call.body, call.signal);
          return { entityId: answer.execution.id, answer };
        },
        replay: async (id) =>
          await outcomeOf(context, principal.tenantId, id, context.services.executions.wait(principal.tenantId, id)),
      });
      if (replayed) call.reply.header("idempotent-replayed", "true");
      return answer;
    },
    "executions.batch": async (call) => {
      checkBatch(call.body);
      const run = (item: OneShot) => runItem(context, call.principal, call.body, item, call.signal);
      const items =
        call.body.mode === "parallel" ? await inParallel(call.body.items, run) : await inOrder(call.body, run);
      return { items };
    },
  };
}

/** Makes a session, runs, and closes it whatever happens. A client that goes away cancels the work. */
async function executeOnce(
  context: HandlerContext,
  principal: Principal,
  request: OneShot,
  signal: AbortSignal,
): Promise<Outcome> {
  const { sessions, executions } = context.services;
  const { tenantId, root } = principal;
  const { session: wanted, ...input } = request;
  const { session } = await sessions.create(tenantId, sessionFor(wanted ?? {}, input), { trusted: root, signal });
  try {
    signal.throwIfAborted();
    const { execution, finished } = await executions.start(tenantId, session.id, { stdin: "", ...input });
    const onAbort = () => void executions.cancel(tenantId, execution.id).catch(() => undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await outcomeOf(context, tenantId, execution.id, finished);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  } finally {
    await sessions.close(tenantId, session.id, "execute").catch((error: unknown) => {
      context.logger.error({ sessionId: session.id, error: String(error) }, "could not close a one-shot session");
    });
  }
}

/** Without a template or languages, a template that has the execution's language. */
function sessionFor(wanted: SessionInput, input: ExecutionInput): SessionInput {
  if (wanted.template !== undefined || wanted.languages !== undefined || input.language === undefined) return wanted;
  return { ...wanted, languages: [input.language] };
}

function checkBatch(batch: Batch): void {
  if (batch.sessionId === undefined) return;
  const at = batch.items.findIndex((item) => item.session !== undefined);
  if (at !== -1) {
    throw new GloveboxError("invalid_argument", `body: items.${at}.session: the batch names a session already`, {
      details: { in: "body", path: `items.${at}.session` },
    });
  }
}

async function runItem(
  context: HandlerContext,
  principal: Principal,
  batch: Batch,
  item: OneShot,
  signal: AbortSignal,
): Promise<BatchItem> {
  const { tenantId } = principal;
  try {
    signal.throwIfAborted();
    if (batch.sessionId === undefined) return await executeOnce(context, principal, item, signal);
    const { session: _, ...input } = item;
    const background = batch.mode === "parallel" && input.kind === "command" ? { background: true } : {};
    const started = await context.services.executions.start(tenantId, batch.sessionId, {
      stdin: "",
      ...input,
      ...background,
      onBusy: "queue",
    });
    return await outcomeOf(context, tenantId, started.execution.id, started.finished);
  } catch (error) {
    const { requestId: _r, traceId: _t, ...body } = toEnvelope(toGloveboxError(error), "", "", context.redactor).error;
    return { error: body };
  }
}

async function inOrder(batch: Batch, run: (item: OneShot) => Promise<BatchItem>): Promise<BatchItem[]> {
  const results: BatchItem[] = [];
  for (const item of batch.items) {
    const before = results.at(-1);
    const stop = before !== undefined && !batch.continueOnError && before.execution?.status !== "ok";
    results.push(stop ? { skipped: true } : await run(item));
  }
  return results;
}

async function inParallel(items: readonly OneShot[], run: (item: OneShot) => Promise<BatchItem>): Promise<BatchItem[]> {
  const results: BatchItem[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue) results[at] = await run(item);
  };
  await Promise.all(Array.from({ length: Math.min(BATCH_CONCURRENCY, items.length) }, worker));
  return results;
}
