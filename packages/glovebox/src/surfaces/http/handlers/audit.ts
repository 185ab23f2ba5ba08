import { Readable } from "node:stream";
import type { auditOperations } from "../../operations/audit.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

/** Characters that are sent in one piece. */
const PIECE = 64 * 1024;

export function auditHandlers(context: HandlerContext): HandlersOf<typeof auditOperations> {
  const audit = () => partOf(context, "audit");
  return {
    "audit.list": async ({ principal, query, signal }) => {
      const { since, until, ...rest } = query;
      const times = {
        ...(since !== undefined && { sinceMs: Date.parse(since) }),
        ...(until !== undefined && { untilMs: Date.parse(until) }),
      };
      return await audit().list(principal.tenantId, { ...rest, ...times }, signal);
    },
    "audit.verify": async ({ principal, signal }) => await audit().verify(principal.tenantId, signal),
    "audit.export": async ({ principal, query, reply, signal }) => {
      const records = audit().export(principal.tenantId, { afterSeq: query.afterSeq ?? 0, signal });
      reply
        .header("content-type", "application/x-ndjson; charset=utf-8")
        .header("cache-control", "no-store")
        .send(Readable.from(lines(records), { objectMode: false }));
    },
  };
}

async function* lines(records: AsyncIterable<unknown>): AsyncGenerator<string> {
  let piece = "";
  for await (const record of records) {
    piece += `${JSON.stringify(record)}\n`;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
