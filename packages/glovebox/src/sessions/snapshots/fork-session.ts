import { mkdir, rm } from "node:fs/promises";
import { GloveboxError, newId, type Session, type Snapshot, type Template, toTimestamp } from "../../core/index.ts";
import type { IsolationDriver, Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { makeLive } from "../lifecycle/open-session.ts";
import { sessionLimitsOf } from "../lifecycle/session-spec.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import type { SessionIdentity } from "../services.ts";
import { scratchDir, sessionFolder, snapshotDir } from "./folders.ts";
import { type NextSandbox, nextSandbox } from "./next-sandbox.ts";
import type { SnapshotParts } from "./parts.ts";
import { asSpaceError } from "./take-snapshot.ts";

/** Sandboxes that are made from a snapshot at the same time. */
const AT_ONCE = 4;

export interface Forked {
  readonly sessions: readonly Session[];
  /** `files`: the workspace alone; what sessions of every isolation get now. Else memory and processes too, which share what they do not change (`shared`) or are copies. */
  readonly path: "files" | "shared" | "copied";
  /** How long the parent stood still, milliseconds; 0 from a snapshot. */
  readonly silentMs: number;
}

/** Whose children they are; `as`: what a single one is known by. */
export interface ForkParent {
  readonly row: Session;
  readonly template: Template;
  readonly as?: SessionIdentity | undefined;
}

/** What children are made from: the session as it is now, or one of its snapshots. */
export type ForkSource = LiveSession | Snapshot;

interface Child extends NextSandbox {
  readonly row: Session;
}

type Made = Pick<Forked, "silentMs"> & { readonly sandboxes: readonly Sandbox[] };

/** New sessions with a parent's state, each with its own identity, limits, secrets and way out. All or none; the parent is unharmed. */
export async function forkSession(
  parts: SnapshotParts,
  parent: ForkParent,
  source: ForkSource,
  count: number,
): Promise<Forked> {
  const { room, keeper } = parts;
  const limits = sessionLimitsOf(parent.template, parent.row.limitsApplied);
  await using undo = new AsyncDisposableStack();
  // Before anything is made.
  const quotas = Array.from({ length: count }, () => undo.use(keeper.quotas.take(parent.row.tenantId, limits)));
  const children: Child[] = [];
  for (let index = 0; index < count; index += 1) {
    const child = await newChild(parts, parent, source);
    children.push(child);
    undo.defer(async () => {
      child.network.close();
      await removeWorkspace(child.spec.workspaceDir);
    });
  }
  const made = await makeSandboxes(parts, parent.row, source, children);
  for (const sandbox of made.sandboxes) undo.defer(() => sandbox.destroy());
  const ready = children.map((child, index) => asReady(room.clock.nowMs(), child, made.sandboxes[index]));
  const maxLive = room.quotas.tenant.sessions;
  // In one write: a server that dies has all of them or none.
  await room.store.sessions.createAll(ready, maxLive === undefined ? {} : { maxLive });
  undo.move();
  for (const [index, { session, sandbox }] of ready.entries()) {
    const [child, quota] = [children[index], quotas[index]];
    if (child === undefined || quota === undefined) continue;
    const live = makeLive(room, keeper, { template: parent.template, network: child.network }, session, sandbox);
    keeper.keep(live, quota);
    keeper.watch(live);
  }
  return { sessions: ready.map(({ session }) => session), path: "files", silentMs: made.silentMs };
}

async function newChild(
  parts: SnapshotParts,
  { row: parent, template, as }: ForkParent,
  source: ForkSource,
): Promise<Child> {
  const nowMs = parts.room.clock.nowMs();
  const { key: _key, readyAt: _readyAt, lastError: _lastError, ...like } = parent;
  const { closedAt: _closedAt, closedBy: _closedBy, restartReason: _restartReason, ...rest } = like;
  const lifetimeMs =
    parent.expiresAt === undefined ? undefined : Date.parse(parent.expiresAt) - Date.parse(parent.createdAt);
  const { forkedFromSnapshotId: _from, ...known } = rest;
  const row: Session = {
    ...known,
    ...as,
    id: newId(nowMs),
    status: "starting",
    nodeId: parts.room.nodeId,
    createdAt: toTimestamp(nowMs),
    lastActivityAt: toTimestamp(nowMs),
    ...(lifetimeMs !== undefined && { expiresAt: toTimestamp(nowMs + lifetimeMs) }),
    parentSessionId: parent.id,
    ...("bytes" in source && { forkedFromSnapshotId: source.id }),
  };
  const next = await nextSandbox(parts, row, template, { like: parent, again: false });
  return { ...next, row: { ...row, env: { ...next.env } } };
}

async function makeSandboxes(
  { room, isolations, ending }: SnapshotParts,
  parent: Session,
  source: ForkSource,
  children: readonly Child[],
): Promise<Made> {
  const specs = children.map(({ spec }) => spec);
  try {
    const driver = isolations.driver(parent.isolation);
    if ("bytes" in source) {
      return { sandboxes: await restoreAll(driver, snapshotDir(room.dataDir, source), specs, ending), silentMs: 0 };
    }
    const { sandbox } = source.bench;
    const { fork } = await isolations.require(parent.isolation);
    if (fork === "files") return await sandbox.fork(specs, ending);
    // By way of a snapshot of files: sessions do not take over kernels that come along with memory.
    const dir = scratchDir(room.dataDir, parent.id, newId());
    await mkdir(sessionFolder(room.dataDir, parent.id), { recursive: true, mode: 0o700 });
    const begun = performance.now();
    try {
      await sandbox.snapshot({ dir, kind: "files", signal: ending });
      const silentMs = performance.now() - begun;
      return { sandboxes: await restoreAll(driver, dir, specs, ending), silentMs };
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  } catch (error) {
    throw asSpaceError(error);
  }
}

/** All or none. */
async function restoreAll(
  driver: IsolationDriver,
  dir: string,
  specs: readonly SandboxSpec[],
  signal: AbortSignal,
): Promise<readonly Sandbox[]> {
  const sandboxes: Sandbox[] = [];
  try {
    for (let at = 0; at < specs.length; at += AT_ONCE) {
      const some = specs.slice(at, at + AT_ONCE).map((spec) => driver.restore(dir, spec, signal));
      const results = await Promise.allSettled(some);
      for (const result of results) if (result.status === "fulfilled") sandboxes.push(result.value);
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
    return sandboxes;
  } catch (error) {
    await Promise.allSettled(sandboxes.map((sandbox) => sandbox.destroy()));
    throw error;
  }
}

function asReady(nowMs: number, { row, spec }: Child, sandbox: Sandbox | undefined) {
  if (sandbox === undefined) throw new GloveboxError("internal", "a fork made too few sandboxes");
  const session: Session = {
    ...row,
    status: "ready",
    limitsApplied: [...sandbox.limitsApplied],
    readyAt: toTimestamp(nowMs),
    lastActivityAt: toTimestamp(nowMs),
  };
  return { session, sandbox, internals: { workspaceDir: spec.workspaceDir, sandboxRecord: sandbox.record } };
}
