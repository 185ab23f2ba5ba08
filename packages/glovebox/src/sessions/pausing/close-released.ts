import { type Session, toTimestamp } from "../../core/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import { readRemains, settleRemains } from "../recovery/settle-execution.ts";
import type { Room } from "../room.ts";

/** Ends a session that has no sandbox. What stood still in it is lost; the snapshot that has its state is one like any other from now on. */
export async function closeReleased(room: Room, row: Session, by: string): Promise<Session> {
  const { store, clock } = room;
  const { tenantId, id } = row;
  for (const execution of await store.executions.unfinished(id)) {
    await settleRemains(room, await readRemains(room, execution), "its session was closed while it was paused");
  }
  const closed = await store.sessions.update(
    tenantId,
    id,
    { status: "closed", closedAt: toTimestamp(clock.nowMs()), closedBy: by },
    { from: ["paused"], internals: { releasedTo: undefined } },
  );
  const stream = sessionStream(tenantId, id);
  await store.events.append(stream, [
    { type: "system", payload: { level: "info", code: "session_closed", message: `closed by ${by}` } },
  ]);
  await store.events.close(stream);
  return closed ?? row;
}
