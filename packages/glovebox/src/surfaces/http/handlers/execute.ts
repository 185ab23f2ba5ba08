import type { z } from "zod";
import {
  type ExecutionInput,
  GloveboxError,
  type Principal,
  type SessionInput,
  toGloveboxError,
} from "../../../core/index.ts";
import type { BatchRequest, ExecuteRequest, executionOperations, SnippetRequest } from "../../operations/executions.ts";
import type { HandlersOf } from "../call.ts";
import { toEnvelope } from "../error-envelope.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";
import { type Outcome, outcomeOf } from "./executions.ts";
import { runInSession } from "./run-in-session.ts";

type OneShot = z.output<typeof ExecuteRequest>;
type Snippet = z.output<typeof SnippetRequest>;
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
      if (key === undefined) return await execute(context, principal, call.body, call.signal);
      const { answer, replayed } = await once(context.store.idempotency, {
        tenantId: principal.tenantId,
        operation: "executions.execute",
        key,
        request: call.body,
        work: async () => {
          const answer = await execute(context, principal, call.body, call.signal);
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

/** What is only code runs in the session that it names, behind what runs there, or like everything else in one of its own. */
async function execute(
  context: HandlerContext,
  principal: Principal,
  request: OneShot | Snippet,
  signal: AbortSignal,
): Promise<Outcome> {
  if (!("code" in request)) return executeOnce(context, principal, request, signal);
  const { language, code, sessionId } = request;
  const input = { kind: "repl", language, input: code } as const;
  if (sessionId === undefined) return executeOnce(context, principal, input, signal);
  const where = { tenantId: principal.tenantId, sessionId, signal };
  return runInSession(context, where, { ...input, onBusy: "queue" });
}

/** Makes a session, runs, and closes it whatever happens. A client that goes away cancels the work. */
async function executeOnce(
  context: HandlerContext,
  principal: Principal,
  request: OneShot,
  signal: AbortSignal,
): Promise<Outcome> {
  const { sessions } = context.services;
  const { tenantId, root } = principal;
  const { session: wanted, ...input } = request;
  const { session } = await sessions.create(tenantId, sessionFor(wanted ?? {}, input), { trusted: root, signal });
  try {
    return await runInSession(context, { tenantId, sessionId: session.id, signal }, input);
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
