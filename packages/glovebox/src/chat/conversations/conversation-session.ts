import { type ErrorCode, isGloveboxError, LIVE_SESSION_STATUSES, type Session } from "../../core/index.ts";
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

/** Where a conversation's session comes from: it was there; it is the first; the last one is over, and this one has its files from a snapshot, or nothing of it. */
export type SessionOrigin = "known" | "first" | "restored" | "lost";

/** The conversation's sandbox: the one it has, else a new one. Finding it again after a crash gives the same one. */
export async function openConversationSession(
  parts: { readonly store: Store; readonly services: SessionServices },
  owner: SessionOwner,
  step: StepContext,
): Promise<{ readonly id: string; readonly origin: SessionOrigin }> {
  const { store, services } = parts;
  const { tenantId, conversationId, apart } = owner;
  const conversation = apart ? undefined : await store.conversations.get(tenantId, conversationId);
  const before = conversation?.sessionId;
  const known = await liveSession(services, tenantId, before);
  if (known !== undefined) return { id: known, origin: "known" };
  const restored = before === undefined ? undefined : await restoredSession(services, tenantId, before);
  const id = restored ?? (await newSession(services, owner, step));
  if (!apart) await store.conversations.update(tenantId, conversationId, { sessionId: id });
  if (restored !== undefined) return { id, origin: "restored" };
  return { id, origin: before === undefined ? "first" : "lost" };
}

async function newSession(services: SessionServices, owner: SessionOwner, step: StepContext): Promise<string> {
  const { tenantId, conversationId, assistant, template, apart } = owner;
  const key = apart ? `turn/${step.runId}` : sessionKey(conversationId);
  const metadata = { conversation: conversationId, assistant, ...(apart && { run: step.runId }) };
  const { session } = await services.sessions.create(
    tenantId,
    { template, key, reuse: true, metadata },
    { signal: step.signal },
  );
  return session.id;
}

/** From the newest snapshot that holds a good state of a session that is over, if one was kept and can still be had. */
async function restoredSession(
  { snapshots }: SessionServices,
  tenantId: string,
  before: string,
): Promise<string | undefined> {
  try {
    const { head } = await snapshots.list(tenantId, before, { limit: 1 });
    if (head === undefined) return undefined;
    return (await snapshots.fork(tenantId, before, { snapshotId: head })).sessions[0]?.id;
  } catch (error) {
    // What cannot be restored is begun anew, and the answer says so.
    if (isGloveboxError(error) && NOT_RESTORABLE.has(error.code)) return undefined;
    throw error;
  }
}

const NOT_RESTORABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "not_found",
  "not_supported_by_isolation",
  "snapshot_corrupt",
  "snapshot_incompatible",
]);

/** The sessions that are or were a conversation's, newest first, at most 1,000. */
export async function conversationSessions(
  services: SessionServices,
  conversation: { readonly tenantId: string; readonly id: string; readonly sessionId?: string },
): Promise<readonly Session[]> {
  const { tenantId, id, sessionId } = conversation;
  const { items } = await services.sessions.list(tenantId, { metadata: { conversation: id }, limit: 1_000 });
  const ids = new Set(items.map((session) => session.id));
  // A fork's session has what its parent was marked with: only one restored from a snapshot goes on for its parent. A fork of a turn is none of the conversation's.
  const own = items.filter(({ parentSessionId: parent, forkedFromSnapshotId: snapshot, metadata }) => {
    const isSuccessor = parent === undefined || (snapshot !== undefined && ids.has(parent));
    return isSuccessor && metadata.run === undefined;
  });
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
