import { LIVE_SESSION_STATUSES, type Session } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import type { SessionServices } from "../../sessions/index.ts";
import type { Store } from "../../store/index.ts";

/** Whose sandbox it is. */
export interface SessionOwner {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly assistant: string;
  readonly template: string;
  /** Of a run that was forked from a turn: it works in a sandbox of its own and leaves the conversation's alone. */
  readonly apart: boolean;
}

/** The conversation's sandbox: the one it has, else a new one. Finding it again after a crash gives the same one. */
export async function openConversationSession(
  { store, services }: { readonly store: Store; readonly services: SessionServices },
  owner: SessionOwner,
  step: StepContext,
): Promise<string> {
  const { tenantId, conversationId, assistant, template, apart } = owner;
  const conversation = apart ? undefined : await store.conversations.get(tenantId, conversationId);
  const known = await liveSession(services, tenantId, conversation?.sessionId);
  if (known !== undefined) return known;
  const key = apart ? `turn/${step.runId}` : sessionKey(conversationId);
  const metadata = { conversation: conversationId, assistant, ...(apart && { run: step.runId }) };
  const { session } = await services.sessions.create(
    tenantId,
    { template, key, reuse: true, metadata },
    { signal: step.signal },
  );
  if (!apart) await store.conversations.update(tenantId, conversationId, { sessionId: session.id });
  return session.id;
}

/** The sessions that are or were a conversation's, newest first, at most 1,000. */
export async function conversationSessions(
  services: SessionServices,
  conversation: { readonly tenantId: string; readonly id: string; readonly sessionId?: string },
): Promise<readonly Session[]> {
  const { tenantId, id, sessionId } = conversation;
  const { items } = await services.sessions.list(tenantId, { metadata: { conversation: id }, limit: 1_000 });
  // A fork's session has what its parent was marked with; a fork of a turn is none of the conversation's.
  const own = items.filter((session) => session.parentSessionId === undefined && session.metadata.run === undefined);
  if (sessionId === undefined || own.some((session) => session.id === sessionId)) return own;
  const current = await services.sessions.get(tenantId, sessionId).catch(() => undefined);
  return [...own, ...(current === undefined ? [] : [current])].toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

export async function liveSession(
  services: SessionServices,
  tenantId: string,
  id: string | undefined,
): Promise<string | undefined> {
  if (id === undefined) return undefined;
  const session = await services.sessions.get(tenantId, id).catch(() => undefined);
  return session !== undefined && LIVE_SESSION_STATUSES.includes(session.status) ? id : undefined;
}

function sessionKey(conversationId: string): string {
  return `conversation/${conversationId}`;
}
