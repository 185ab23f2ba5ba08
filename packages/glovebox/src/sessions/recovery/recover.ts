import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Isolation, isId, type Session, toGloveboxError, toTimestamp } from "../../core/index.ts";
import type { Sandbox, SandboxRecord } from "../../sandbox/index.ts";
import { sessionStream } from "../lifecycle/idle-output.ts";
import type { SessionKeeper } from "../lifecycle/session-keeper.ts";
import { removeWorkspace, workspacesFolder } from "../lifecycle/workspace.ts";
import { openNetwork, type SessionNetwork } from "../network/session-network.ts";
import type { Room } from "../room.ts";
import { sweepSnapshots } from "../snapshots/sweep-snapshots.ts";
import { reattachSession } from "./reattach-session.ts";
import { readRemains, settleRemains } from "./settle-execution.ts";

export interface RecoveryReport {
  /** Sessions that go on. */
  readonly attached: number;
  /** Sessions that could not be found again. */
  readonly closed: number;
  /** Executions that go on. */
  readonly resumed: number;
  /** Executions that were given their end. */
  readonly settled: number;
}

interface Parts {
  readonly room: Room;
  readonly keeper: SessionKeeper;
}

/** Sandboxes that are attached to at the same time. */
const AT_ONCE = 8;

/**
 * Brings the disk and the machine together after a restart: sandboxes that live are attached to and their executions go on (queued ones too, in
 * their order); a restart counts as activity; the sessions of those that are gone are closed with a reason and their executions are `lost`; what nobody knows is removed.
 */
export async function recoverSessions({ room, keeper }: Parts): Promise<RecoveryReport> {
  const { store } = room;
  const sessions = (await store.sessions.live()).filter(({ nodeId }) => nodeId === room.nodeId);
  const records = new Map<string, SandboxRecord>();
  for (const { id, status } of sessions) {
    const record = (await store.sessions.internals(id))?.sandboxRecord;
    if (status === "ready" && record !== undefined) records.set(id, record as SandboxRecord);
  }
  await sweep(room, new Set([...records.values()].map(({ id }) => id)));
  let [attached, closed, resumed] = [0, 0, 0];
  for (let at = 0; at < sessions.length; at += AT_ONCE) {
    await Promise.all(
      sessions.slice(at, at + AT_ONCE).map(async (row) => {
        const goingOn = await takeUp({ room, keeper }, row, records.get(row.id));
        if (goingOn === undefined) closed += 1;
        else {
          attached += 1;
          resumed += goingOn;
        }
      }),
    );
  }
  const settled = await settleRest({ room, keeper });
  await removeStrayWorkspaces(room);
  await sweepSnapshots(room);
  const mounted = keeper.registry.all().map(({ template }) => room.layers.keyOf(template.packages));
  const layers = await room.layers.sweep(new Set(mounted));
  if (layers.length > 0) room.logger.info({ layers }, "removed packages that nobody uses");
  return { attached, closed, resumed, settled };
}

/** Gives how many executions go on, or `undefined` when the session had to be closed. */
async function takeUp(parts: Parts, row: Session, record: SandboxRecord | undefined): Promise<number | undefined> {
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
    return await reattachSession(parts, row, { sandbox, template, network });
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

/** Executions of sessions that are over: their end was not written any more. */
async function settleRest({ room, keeper }: Parts): Promise<number> {
  let settled = 0;
  for (const execution of await room.store.executions.allUnfinished()) {
    if (keeper.registry.find(execution.tenantId, execution.sessionId) !== undefined) continue;
    await settleRemains(room, await readRemains(room, execution), "its session had ended");
    settled += 1;
  }
  return settled;
}

async function sweep(room: Room, known: ReadonlySet<string>): Promise<void> {
  const drivers: [Isolation, { sweep(known: ReadonlySet<string>): Promise<{ removed: readonly string[] }> }][] = [
    ...room.drivers,
  ];
  for (const [isolation, driver] of drivers) {
    try {
      const { removed } = await driver.sweep(known);
      if (removed.length > 0) room.logger.info({ isolation, removed }, "removed what a former server left");
    } catch (error) {
      room.logger.error({ isolation, err: error }, "sweeping failed");
    }
  }
}

/** Folders that no session has: it was deleted, its row never written, or it has another since a rollback. */
async function removeStrayWorkspaces(room: Room): Promise<void> {
  const { dataDir, store, logger } = room;
  const folder = workspacesFolder(dataDir);
  for (const name of await readdir(folder).catch(() => [])) {
    // `<session>`, `<session>.<sandbox>`, and either with a suffix while it is made.
    const [id = ""] = name.split(".");
    if (!isId(id)) continue;
    const path = join(folder, name);
    const internals = await store.sessions.internals(id);
    if (internals !== undefined && basename(internals.workspaceDir) === name) continue;
    logger.info({ sessionId: id, folder: name }, "removing a workspace without a session");
    await removeWorkspace(path);
  }
}
