import { type Session, type SessionStatus, toTimestamp } from "../../core/index.ts";
import type { SandboxEnd } from "../../sandbox/index.ts";
import { sessionStream } from "./idle-output.ts";
import type { LiveSession } from "./live-session.ts";

type LastError = NonNullable<Session["lastError"]>;

const LIVE: readonly SessionStatus[] = ["starting", "ready", "paused", "closing"];

/** How a sandbox that nobody asked to end came to its end, in words. */
export function explainSandboxEnd(end: SandboxEnd): LastError {
  switch (end.kind) {
    case "oom":
      return { code: "oom", message: "the sandbox was killed because its memory ran out" };
    case "signal":
      return { code: "signal", message: `the sandbox was ended by ${end.signal}` };
    case "exit":
      return { code: "exit", message: `the sandbox ended by itself with code ${end.code}` };
    case "protocol":
      return { code: "protocol", message: `the sandbox did not keep to its protocol: ${end.message}` };
    case "destroyed":
      return { code: "destroyed", message: "the sandbox was destroyed because it did not obey" };
  }
}

/** Ends everything that runs in a session, but the execution `except`; resolves when it is settled. */
export async function stopRuns(session: LiveSession, except?: string): Promise<void> {
  const runs = [...session.runs.values()].filter(({ id }) => id !== except);
  for (const run of runs) run.control.stop({ kind: "cancelled" });
  await Promise.allSettled(runs.map((run) => run.finished));
}

/** Marks a session crashed and tells its stream; the sandbox goes. */
export async function crashSession(session: LiveSession, error: LastError): Promise<Session | undefined> {
  const { store, clock, logger } = session.room;
  const { tenantId, id } = session.row;
  session.closing = true;
  logger.warn({ sessionId: id, reason: error.code }, "session crashed");
  const stream = sessionStream(tenantId, id);
  const [row] = await Promise.all([
    store.sessions.update(
      tenantId,
      id,
      { status: "crashed", lastError: error, closedAt: toTimestamp(clock.nowMs()) },
      { from: LIVE },
    ),
    store.events.append(stream, [
      {
        type: "system",
        payload: { level: "error", code: `session_crashed`, message: error.message, details: { reason: error.code } },
      },
    ]),
  ]);
  if (row !== undefined) session.row = row;
  await store.events.close(stream);
  return row;
}

/** `closing`, everything stopped, `closed`. A store that cannot be written does not keep the sandbox alive: it goes first, the error follows. */
export async function closeSession(session: LiveSession, by: string): Promise<Session> {
  const { store, clock } = session.room;
  const { tenantId, id } = session.row;
  session.closing = true;
  const wasPaused = session.row.status === "paused";
  const marked = store.sessions
    .update(tenantId, id, { status: "closing" }, { from: ["starting", "ready", "paused"] })
    .then((closing) => {
      if (closing !== undefined) session.row = closing;
    });
  // Looked at below, when the sandbox is gone.
  await marked.catch(() => {});
  // What stands still can neither end nor say its last.
  if (wasPaused) await Promise.race([session.bench.sandbox.resume().catch(() => {}), delay(GRACE_MS)]);
  const settled = stopRuns(session);
  // Interrupting first, so that what runs can say its last; not longer than that.
  await Promise.race([settled, delay(GRACE_MS)]);
  await session.bench.sandbox.destroy();
  await settled;
  await marked;
  const at = toTimestamp(clock.nowMs());
  const { restartReason } = session;
  const closed = await store.sessions.update(
    tenantId,
    id,
    { status: "closed", closedAt: at, closedBy: by, ...(restartReason !== undefined && { restartReason }) },
    { from: LIVE },
  );
  if (closed !== undefined) session.row = closed;
  const stream = sessionStream(tenantId, id);
  await store.events.append(stream, [
    { type: "system", payload: { level: "info", code: "session_closed", message: `closed by ${by}` } },
  ]);
  await store.events.close(stream);
  return session.row;
}

const GRACE_MS = 2_000;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
