import { GloveboxError, type Session, toTimestamp } from "../../core/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";

/** Nothing in the session runs from here on; it keeps its sandbox and memory. */
export async function standStill(session: LiveSession): Promise<Session> {
  const { sandbox } = session.bench;
  try {
    await sandbox.pause();
    const row = await setStatus(session, "ready", "paused");
    await tell(session, "session_paused", "paused; it keeps its memory", { release: false });
    return row;
  } catch (error) {
    if (session.row.status !== "paused" && !session.closing) await sandbox.resume().catch(() => {});
    throw error;
  }
}

/** Ends {@link standStill}. */
export async function goOn(session: LiveSession): Promise<Session> {
  await session.bench.sandbox.resume();
  const row = await setStatus(session, "paused", "ready");
  session.touch();
  await tell(session, "session_resumed", "goes on", { release: false });
  return row;
}

async function setStatus(session: LiveSession, from: Session["status"], status: Session["status"]): Promise<Session> {
  const { store, clock } = session.room;
  const { tenantId, id } = session.row;
  const patch = { status, lastActivityAt: toTimestamp(clock.nowMs()) };
  const row = session.closing ? undefined : await store.sessions.update(tenantId, id, patch, { from: [from] });
  if (row === undefined) throw new GloveboxError("session_not_ready", "the session ended meanwhile");
  session.row = row;
  return row;
}

/** An event of the session's own stream. */
export async function tell(
  { room, row }: Pick<LiveSession, "room" | "row">,
  code: "session_paused" | "session_resumed",
  message: string,
  details: Record<string, string | boolean>,
): Promise<void> {
  await room.store.events.append(sessionStream(row.tenantId, row.id), [
    { type: "system", payload: { level: "info", code, message, details } },
  ]);
}
