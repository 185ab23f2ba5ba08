import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Isolation, isId, type Session, type Template } from "../../core/index.ts";
import type { SandboxRecord } from "../../sandbox/index.ts";
import type { SessionKeeper } from "../lifecycle/session-keeper.ts";
import { removeWorkspace, workspacesFolder } from "../lifecycle/workspace.ts";
import type { Pausing } from "../pausing/pausing.ts";
import type { Room } from "../room.ts";
import { sweepSnapshots } from "../snapshots/sweep-snapshots.ts";
import { readRemains, settleRemains } from "./settle-execution.ts";
import { takeUp } from "./take-up.ts";

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
  readonly pausing: Pausing;
}

/** Sandboxes that are attached to at the same time. */
const AT_ONCE = 8;

/**
 * Brings the disk and the machine together after a restart: sandboxes that live are attached to and their executions go on (queued ones too, in
 * their order), paused ones stand still; a restart counts as activity; the sessions of those that are gone are closed with a reason and their executions are `lost`; what nobody knows is removed.
 */
export async function recoverSessions({ room, keeper, pausing }: Parts): Promise<RecoveryReport> {
  const { store } = room;
  const sessions = (await store.sessions.live()).filter(({ nodeId }) => nodeId === room.nodeId);
  const records = new Map<string, SandboxRecord>();
  for (const { id, status } of sessions) {
    const record = (await store.sessions.internals(id))?.sandboxRecord;
    const holds = status === "ready" || status === "paused";
    if (holds && record !== undefined) records.set(id, record as SandboxRecord);
  }
  await sweep(room, new Set([...records.values()].map(({ id }) => id)));
  let [attached, closed, resumed] = [0, 0, 0];
  for (let at = 0; at < sessions.length; at += AT_ONCE) {
    await Promise.all(
      sessions.slice(at, at + AT_ONCE).map(async (row) => {
        if (await pausing.takeUp(row)) return;
        const goingOn = await takeUp({ room, keeper }, row, records.get(row.id));
        if (goingOn === undefined) closed += 1;
        else {
          attached += 1;
          resumed += goingOn;
        }
      }),
    );
  }
  const settled = await settleRest({ room, keeper, pausing });
  await removeStrayWorkspaces(room);
  await sweepSnapshots(room);
  const waiting = await templatesOf(
    room,
    sessions.filter(({ id }) => pausing.isReleased(id)),
  );
  const used = [...keeper.registry.all().map(({ template }) => template), ...waiting];
  const mounted = used.map(({ packages }) => room.layers.keyOf(packages));
  const layers = await room.layers.sweep(new Set(mounted));
  if (layers.length > 0) room.logger.info({ layers }, "removed packages that nobody uses");
  return { attached, closed, resumed, settled };
}

async function templatesOf({ store }: Room, sessions: readonly Session[]): Promise<Template[]> {
  const found = sessions.map((row) => store.templates.get(row.tenantId, row.templateId, row.templateVersion));
  return (await Promise.all(found)).filter((template) => template !== undefined);
}

/** Executions of sessions that are over: their end was not written any more. */
async function settleRest({ room, keeper, pausing }: Parts): Promise<number> {
  let settled = 0;
  for (const execution of await room.store.executions.allUnfinished()) {
    const { tenantId, sessionId } = execution;
    if (keeper.registry.find(tenantId, sessionId) !== undefined || pausing.isReleased(sessionId)) continue;
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
  let others: ReadonlySet<string> | undefined;
  for (const name of await readdir(folder).catch(() => [])) {
    // `<session>`, `<session>.<sandbox>`, and either with a suffix while it is made.
    const [id = ""] = name.split(".");
    if (!isId(id)) continue;
    const path = join(folder, name);
    const internals = await store.sessions.internals(id);
    if (internals !== undefined && basename(internals.workspaceDir) === name) continue;
    // One that came out of a pool has another id than its session.
    others ??= new Set((await store.sessions.workspaceDirs()).map((dir) => basename(dir)));
    if (others.has(name)) continue;
    logger.info({ sessionId: id, folder: name }, "removing a workspace without a session");
    await removeWorkspace(path);
  }
}
