import { GloveboxError, newId, type Session, type Snapshot, type Template, toTimestamp } from "../../core/index.ts";
import type { IsolationDriver, Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import type { LiveSession } from "../lifecycle/live-session.ts";
import { makeLive } from "../lifecycle/open-session.ts";
import { sessionLimitsOf } from "../lifecycle/session-spec.ts";
import { removeWorkspace } from "../lifecycle/workspace.ts";
import { teachAlso } from "../output/growing-redactor.ts";
import type { SessionIdentity } from "../services.ts";
import { snapshotDir } from "./folders.ts";
import { inheritedBy, wasBusy } from "./inherited.ts";
import { type NextSandbox, nextSandbox } from "./next-sandbox.ts";
import type { SnapshotParts } from "./parts.ts";
import { requireMemory } from "./require-memory.ts";
import { asSpaceError } from "./take-snapshot.ts";
import { timed } from "./timed.ts";

/** Sandboxes that are made from a snapshot at the same time. */
const AT_ONCE = 4;

export interface Forked {
  readonly sessions: readonly Session[];
  /** `files`: the workspace alone. Else memory and processes too, which share what they do not change (`shared`) or are copies. */
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

interface Made extends Omit<Forked, "sessions"> {
  readonly sandboxes: readonly Sandbox[];
  /** Whether what a kernel was in the middle of may have come along. */
  readonly busy: boolean;
}

/** New sessions with a parent's state, each with its own identity, limits, secrets and way out. All or none; the parent is unharmed. */
export function forkSession(
  parts: SnapshotParts,
  parent: ForkParent,
  source: ForkSource,
  count: number,
): Promise<Forked> {
  return timed(parts.room, "fork", parent.row.isolation, () => makeForks(parts, parent, source, count));
}

async function makeForks(parts: SnapshotParts, parent: ForkParent, source: ForkSource, count: number): Promise<Forked> {
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
  await requireMemory(parts, source, count);
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
    if (!("bytes" in source)) teachAlso(live.redactor, source.redactor);
    keeper.keep(live, quota);
    if (made.path !== "files") live.inherit(made);
    keeper.watch(live);
  }
  const { path, silentMs } = made;
  return { sessions: ready.map(({ session }) => session), path, silentMs };
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
  // What is in memory knows the placeholders that it has.
  const again = await hasMemory(parts, parent, source);
  const next = await nextSandbox(parts, row, template, { like: parent, again });
  return { ...next, row: { ...row, env: { ...next.env } } };
}

/** Whether children get memory and processes, too. */
async function hasMemory({ isolations }: SnapshotParts, { isolation }: Session, source: ForkSource): Promise<boolean> {
  if ("bytes" in source) return source.kind === "memory";
  return (await isolations.require(isolation)).fork === "memory";
}

async function makeSandboxes(
  { room, isolations, ending }: SnapshotParts,
  parent: Session,
  source: ForkSource,
  children: readonly Child[],
): Promise<Made> {
  const specs = children.map(({ spec }) => spec);
  try {
    if ("bytes" in source) {
      const dir = snapshotDir(room.dataDir, source);
      const sandboxes = await restoreAll(isolations.driver(parent.isolation), dir, specs, ending);
      const path = source.kind === "files" ? "files" : "copied";
      return { sandboxes, path, silentMs: 0, busy: await wasBusy(room, source) };
    }
    const { bench, turn } = source;
    const { fork } = await isolations.require(parent.isolation);
    const before = turn.entered;
    const busy = turn.busy;
    const made = await bench.sandbox.fork(specs, ending);
    const path = fork === "files" ? "files" : made.path;
    return { ...made, path, busy: busy || turn.entered !== before };
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
  const internals = { workspaceDir: spec.workspaceDir, sandboxRecord: sandbox.record, ...inheritedBy(sandbox) };
  return { session, sandbox, internals };
}
