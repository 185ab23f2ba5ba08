import { type Session, toGloveboxError, toTimestamp } from "../../core/index.ts";
import type { Sandbox, SandboxRecord } from "../../sandbox/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { SessionKeeper } from "../lifecycle/session-keeper.ts";
import { openNetwork, type SessionNetwork } from "../network/session-network.ts";
import type { Room } from "../room.ts";
import { reattachSession } from "./reattach-session.ts";
import { readRemains, settleRemains } from "./settle-execution.ts";

/** Gives how many executions go on, or `undefined` when the session had to be closed. */
export async function takeUp(
  parts: { readonly room: Room; readonly keeper: SessionKeeper },
  row: Session,
  record: SandboxRecord | undefined,
  why = "the server was restarted",
): Promise<number | undefined> {
  const { room } = parts;
  if (record === undefined) {
    await closeGone(
      room,
      row,
      row.status === "ready"
        ? "its isolation does not outlive the server"
        : `the server ended while it was ${row.status}`,
    );
    return undefined;
  }
  let network: SessionNetwork | undefined;
  let sandbox: Sandbox | undefined;
  try {
    const driver = room.drivers.get(row.isolation);
    if (driver === undefined) throw new Error(`there is no driver for '${row.isolation}' any more`);
    const template = await room.store.templates.get(row.tenantId, row.templateId, row.templateVersion);
    if (template === undefined) throw new Error(`template ${row.templateId} version ${row.templateVersion} is gone`);
    network = await openNetwork(room, template, row, { again: true });
    sandbox = await driver.attach(record, network.network && { network: network.network });
    // A server may have died while it let the sandbox stand still for a moment.
    if (row.status === "ready") await sandbox.resume().catch(() => {});
    const goingOn = await reattachSession(parts, row, { sandbox, template, network });
    await tell(room, row, why);
    if (row.status === "paused") await sandbox.pause();
    return goingOn;
  } catch (error) {
    const { message } = toGloveboxError(error);
    network?.close();
    await sandbox?.destroy();
    await closeGone(room, row, `its sandbox could not be found again: ${message}`);
    return undefined;
  }
}

async function closeGone(room: Room, row: Session, restartReason: string): Promise<void> {
  const { store, logger } = room;
  const { tenantId, id } = row;
  logger.warn({ sessionId: id, restartReason }, "session closed after a restart");
  for (const execution of await store.executions.unfinished(id)) {
    await settleRemains(room, await readRemains(room, execution), restartReason);
  }
  await store.sessions.update(tenantId, id, {
    status: "closed",
    closedAt: toTimestamp(room.clock.nowMs()),
    closedBy: "server",
    restartReason,
  });
  const stream = sessionStream(tenantId, id);
  await store.events.append(stream, [
    { type: "system", payload: { level: "error", code: "session_closed", message: restartReason } },
  ]);
  await store.events.close(stream);
}

async function tell({ store }: Room, { tenantId, id }: Session, message: string): Promise<void> {
  await store.events.append(sessionStream(tenantId, id), [
    { type: "system", payload: { level: "info", code: "session_reattached", message } },
  ]);
}
