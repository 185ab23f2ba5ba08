import { GloveboxError, type Run } from "../../../core/index.ts";
import { BudgetTrail, type DurableEngine, type JournalRecord, RunTree } from "../../../engine/index.ts";
import type { runOperations } from "../../operations/runs.ts";
import type { Call, HandlersOf } from "../call.ts";
import { DEFAULT_EVENTS, firstSeq, wantsStream } from "../event-page.ts";
import { lineStream } from "../json-lines.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import type { HandlerContext } from "../options.ts";
import { limitedUpload } from "../upload.ts";

type Operations = typeof runOperations;
type Handlers = Pick<
  HandlersOf<Operations>,
  "runs.journal" | "runs.graph" | "runs.budget" | "runs.export" | "runs.import"
>;

/** Characters of payloads in one page: one payload may have many of them. */
const MAX_PAGE_CHARACTERS = 16 * 1_048_576;

/** What reads or brings whole journals. */
export function runJournalHandlers(context: HandlerContext): Handlers {
  const engine = context.runs;
  return {
    "runs.journal": async (call) => await journal(context, call),
    "runs.graph": async ({ principal, params, signal }) => {
      const tree = new RunTree();
      for await (const record of engine.journal(principal.tenantId, params.id, { signal })) tree.take(record);
      return tree.graph();
    },
    "runs.budget": async ({ principal, params, signal }) => {
      const { budget = {} } = await engine.get(principal.tenantId, params.id);
      const trail = new BudgetTrail();
      for await (const record of engine.journal(principal.tenantId, params.id, { signal })) trail.take(record);
      const { used, history, exceeded } = trail;
      return { limits: budget, used, history, ...(exceeded !== undefined && { exceeded }) };
    },
    "runs.export": async ({ principal, params, reply }) => {
      const body = await lineStream(engine.export(principal.tenantId, params.id));
      reply
        .header("content-type", "application/x-ndjson; charset=utf-8")
        .header("cache-control", "no-store")
        .send(body);
    },
    "runs.import": async ({ principal, request }) => {
      const text = decoded(limitedUpload(request, context.settings.uploadBytes));
      const { runId, ...report } = await engine.import(principal.tenantId, text);
      return { run: await engine.get(principal.tenantId, runId), ...report };
    },
  };
}

export function hasEnded({ status }: Run): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

async function journal(context: HandlerContext, call: Call<Operations["runs.journal"]>) {
  const { tenantId } = call.principal;
  const { id } = call.params;
  const engine = context.runs;
  const afterSeq = firstSeq(call.request, call.query.afterSeq);
  // Asked for before reading: what has ended by then has all its records on disk.
  const run = await engine.get(tenantId, id);
  if (!wantsStream(call.request)) {
    const limit = call.query.limit ?? DEFAULT_EVENTS;
    return await journalPage(engine, run, { afterSeq, limit, signal: call.signal });
  }
  async function* frames(): AsyncGenerator<SseFrame> {
    for await (const record of engine.journal(tenantId, id, { afterSeq, follow: true, signal: call.signal })) {
      yield { id: record.seq, data: record };
    }
    yield { event: "end", data: { run: await engine.get(tenantId, id) } };
  }
  await sendEventStream(call.request, call.reply, frames(), {
    heartbeatMs: context.settings.heartbeatMs,
    signal: call.signal,
    redactor: context.redactor,
  });
  return undefined;
}

async function journalPage(
  engine: DurableEngine,
  run: Run,
  { limit, ...range }: { readonly afterSeq: number; readonly limit: number; readonly signal: AbortSignal },
) {
  const items: JournalRecord[] = [];
  let characters = 0;
  let isLast = true;
  for await (const record of engine.journal(run.tenantId, run.id, range)) {
    isLast = items.length < limit && characters < MAX_PAGE_CHARACTERS;
    if (!isLast) break;
    items.push(record);
    characters += JSON.stringify(record.payload).length;
  }
  return {
    // Payloads are what their types say, which an index does not see.
    items: items as unknown as readonly (JournalRecord & { readonly payload: Readonly<Record<string, unknown>> })[],
    nextAfterSeq: items.at(-1)?.seq ?? range.afterSeq,
    done: hasEnded(run) && isLast,
  };
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new GloveboxError("journal_corrupt", "the file is not text in UTF-8", { cause: error });
  }
}
