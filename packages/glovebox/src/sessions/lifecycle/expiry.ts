import type { LiveSession } from "./live-session.ts";

/** The longest a timer can wait. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Why a session is closed by itself. */
export type ExpiryReason = "idle" | "lifetime";

/** Watches a session's idle and lifetime limits; calls `expire` once. Running work counts as activity. */
export function watchExpiry(session: LiveSession, expire: (reason: ExpiryReason) => void): Disposable {
  const { clock } = session.room;
  const expiresAtMs =
    session.row.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(session.row.expiresAt);
  // Measured from now on the monotonic clock, so that a wall clock that jumps neither ends nor keeps a session.
  const endMs = clock.monotonicMs() + Math.max(0, expiresAtMs - clock.nowMs());
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const now = clock.monotonicMs();
    if (now >= endMs) return expire("lifetime");
    // One that was paused is meant to wait.
    if (session.runs.size > 0 || session.row.status === "paused") session.touch();
    const idleEndMs = session.lastActivityMs + session.row.idleTimeoutMs;
    if (now >= idleEndMs) return expire("idle");
    const next = Math.min(endMs, idleEndMs) - now;
    timer = setTimeout(look, Math.min(Math.ceil(next), MAX_DELAY_MS));
    timer.unref();
  };
  look();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
