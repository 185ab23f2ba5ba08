import type { CiStartRequest } from "../../../ci/index.ts";
import type { ciRunOperations } from "../../operations/ci-runs.ts";
import type { Call, HandlersOf } from "../call.ts";
import { wantsStream } from "../event-page.ts";
import { type SseFrame, sendEventStream } from "../live-stream.ts";
import { type HandlerContext, partOf } from "../options.ts";
import { limitedUpload } from "../upload.ts";

type Operations = typeof ciRunOperations;

export function ciRunHandlers(context: HandlerContext): HandlersOf<Operations> {
  const ci = () => partOf(context, "ci");
  return {
    "ci.sources.create": async ({ principal, request, signal }) => {
      const archive = limitedUpload(request, context.settings.uploadBytes);
      return { id: await ci().putSource(principal.tenantId, archive, signal) };
    },
    "ci.runs.start": async ({ principal, body }) => ({
      items: await ci().start(principal.tenantId, body as CiStartRequest),
    }),
    "ci.runs.list": async ({ principal, query }) => await ci().list(principal.tenantId, query),
    "ci.runs.get": async (call) => await get(context, call),
    "ci.runs.logs": async ({ principal, params, query, request, reply, signal }) => {
      const { job, follow = true } = query;
      // Asked for before the stream begins: what is not there is a plain error.
      await ci().get(principal.tenantId, params.id);
      const lines = ci().logs(principal.tenantId, params.id, { follow, signal, ...(job !== undefined && { job }) });
      await stream(context, { request, reply, signal }, framesOf(lines));
      return undefined;
    },
    "ci.runs.rerun": async ({ principal, params, body }) => await ci().rerun(principal.tenantId, params.id, body ?? {}),
    "ci.runs.retry": async ({ principal, params, body }) => await ci().retry(principal.tenantId, params.id, body?.job),
    "ci.runs.cancel": async ({ principal, params, body }) =>
      await ci().cancel(principal.tenantId, params.id, body?.reason),
    "ci.runs.debug": async ({ principal, params, body }) => await ci().debug(principal.tenantId, params.id, body.job),
  };
}

async function get(context: HandlerContext, call: Call<Operations["ci.runs.get"]>) {
  const { principal, params, request, signal } = call;
  const ci = partOf(context, "ci");
  const run = await ci.get(principal.tenantId, params.id);
  if (!wantsStream(request)) return run;
  await stream(context, call, framesOf(ci.follow(principal.tenantId, params.id, signal)));
  return undefined;
}

/** `end` tells that nothing more comes, and that the connection did not just break. */
async function* framesOf(items: AsyncIterable<unknown>): AsyncGenerator<SseFrame> {
  for await (const data of items) yield { data };
  yield { event: "end", data: {} };
}

function stream(
  context: HandlerContext,
  { request, reply, signal }: Pick<Call<Operations["ci.runs.get"]>, "request" | "reply" | "signal">,
  frames: AsyncIterable<SseFrame>,
): Promise<void> {
  const { settings, redactor } = context;
  return sendEventStream(request, reply, frames, { heartbeatMs: settings.heartbeatMs, signal, redactor });
}
