import { type Execution, type ExecutionStatus, GloveboxError, isId, type Session } from "../../core/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { Page } from "../../store/index.ts";
import type { ConversationService } from "../services.ts";

type ExecutionsPage = NonNullable<Parameters<ConversationService["executions"]>[2]>;

const DEFAULT_LIMIT = 50;
const FAILED: readonly ExecutionStatus[] = [
  "error",
  "timeout",
  "cpu_limit",
  "memory_limit",
  "events_limit",
  "output_limit",
  "killed",
  "denied",
  "cancelled",
  "lost",
  "internal_error",
];

/** What ran in some sessions, those of the first session first. A conversation has one after the other: so its executions come newest first. */
export async function executionsOf(
  { executions }: SessionServices,
  tenantId: string,
  sessions: readonly Session[],
  { limit = DEFAULT_LIMIT, cursor, language, outcome, since, until }: ExecutionsPage,
): Promise<Page<Execution>> {
  const from = cursor === undefined ? undefined : readCursor(cursor);
  const begin = from === undefined ? 0 : sessions.findIndex(({ id }) => id === from.sessionId);
  if (begin < 0) throw badCursor();
  const items: Execution[] = [];
  for (const [at, session] of sessions.slice(begin).entries()) {
    const within = at === 0 ? from?.cursor : undefined;
    if (items.length === limit) return { items, nextCursor: writeCursor(session.id) };
    const page = await executions.list(tenantId, {
      sessionId: session.id,
      kind: ["repl", "run_file", "command"],
      limit: limit - items.length,
      ...(within !== undefined && { cursor: within }),
      ...(language !== undefined && { language }),
      ...(outcome !== undefined && { status: outcome === "ok" ? ["ok"] : FAILED }),
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
    });
    items.push(...page.items);
    if (page.nextCursor !== undefined) return { items, nextCursor: writeCursor(session.id, page.nextCursor) };
  }
  return { items };
}

function writeCursor(sessionId: string, cursor = ""): string {
  return `${sessionId}.${cursor}`;
}

function readCursor(text: string): { readonly sessionId: string; readonly cursor: string | undefined } {
  const [sessionId = "", cursor = ""] = text.split(".", 2);
  if (!isId(sessionId)) throw badCursor();
  return { sessionId, cursor: cursor === "" ? undefined : cursor };
}

function badCursor(): GloveboxError {
  return new GloveboxError("invalid_argument", "cursor is not one that this server gave", {
    details: { path: "cursor" },
  });
}
