import {
  GloveboxError,
  newId,
  type Session,
  type SessionInput,
  type Template,
  type Timed,
  timing,
  toGloveboxError,
  toTimestamp,
} from "../../core/index.ts";
import type { Sandbox } from "../../sandbox/index.ts";
import type { SessionInternals } from "../../store/index.ts";
import { openNetwork, type SessionNetwork } from "../network/session-network.ts";
import type { PoolMember } from "../pools/pool-member.ts";
import type { Pools } from "../pools/pools.ts";
import type { Room } from "../room.ts";
import { Workbench } from "../work/workbench.ts";
import type { Choice } from "./choose-template.ts";
import { SessionIdleOutput, sessionStream } from "./idle-output.ts";
import type { Isolations } from "./isolations.ts";
import { LiveSession } from "./live-session.ts";
import { type Obtained, obtainSandbox } from "./obtain-sandbox.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import { sandboxSpec, sessionLimits, sessionTimes } from "./session-spec.ts";
import { startAtOnce, startsAtOnce } from "./start-at-once.ts";
import { runStartupFiles } from "./startup-files.ts";
import { removeWorkspace, unpackArchive, workspaceDir } from "./workspace.ts";

interface OpenParts {
  readonly room: Room;
  readonly keeper: SessionKeeper;
  readonly isolations: Isolations;
  readonly pools: Pools;
}

/** What a session is made from. `services`: it has a way to what the server itself offers, also without a network. */
export type SessionWish = SessionInput & { readonly services?: true };

/**
 * Makes a session: its row, workspace and sandbox; unpacks, runs the startup files, and says `ready`. What fails before the sandbox is there leaves
 * nothing behind; what fails after it leaves the session `crashed`, to be read.
 */
export function openSession(
  parts: OpenParts,
  tenantId: string,
  input: SessionWish,
  choice: Choice,
  signal?: AbortSignal,
): Promise<Session> {
  let source: Timed["session.create"]["source"] = "none";
  const from = ({ member }: Obtained) => {
    source = member === undefined ? "new" : "pool";
  };
  return timing(
    () => open(parts, { tenantId, input, choice, from }, signal),
    (ms, outcome) =>
      parts.room.metrics.timed("session.create", ms, { isolation: choice.template.isolation, source, outcome }),
  );
}

interface Asked {
  readonly tenantId: string;
  readonly input: SessionWish;
  readonly choice: Choice;
  /** Is told where the sandbox came from. */
  readonly from: (obtained: Obtained) => void;
}

async function open(
  parts: OpenParts,
  { tenantId, input, choice, from }: Asked,
  signal: AbortSignal | undefined,
): Promise<Session> {
  const { room, keeper } = parts;
  using _starting = parts.pools.yieldTo();
  const limits = sessionLimits(choice.template, input.limits);
  refuseShadowed(choice.template.secrets, input.env);
  let row = newRow(room, tenantId, input, choice);
  const folder = workspaceDir(room.dataDir, row.id);
  const libraries = await room.libraries.sources(choice.template.libraries, signal);
  const quota = keeper.quotas.take(tenantId, limits);
  let session: LiveSession;
  let ownFolder = folder;
  let network: SessionNetwork | undefined;
  try {
    const layer = await room.layers.folder(choice.template.packages, parts.isolations.driver(row.isolation), signal);
    network = await openNetwork(room, choice.template, row);
    row = { ...row, env: { ...row.env, ...network.placeholders } };
    const spec = sandboxSpec(row, choice, input, { workspaceDir: folder, limits, libraries, network, layer });
    if (startsAtOnce(choice.template, input)) {
      const started = await startAtOnce(parts, { ...choice, input }, row, spec, signal);
      from(started);
      session = makeLive(room, keeper, { ...choice, network, ...started }, started.row, started.sandbox);
      keeper.keep(session, quota);
      keeper.watch(session);
      return session.row;
    }
    const obtained = await startSandbox(parts, row, choice.template, input, spec, signal);
    const { sandbox, baseCommit, member } = obtained;
    from(obtained);
    ownFolder = obtained.workspaceDir;
    const workspace = { ...row.workspace, ...(baseCommit !== undefined && { baseCommit }) };
    const started = { ...row, workspace, limitsApplied: [...sandbox.limitsApplied] };
    session = makeLive(room, keeper, { ...choice, network, ...(member && { member }) }, started, sandbox);
  } catch (error) {
    network?.close();
    quota[Symbol.dispose]();
    throw error;
  }
  keeper.keep(session, quota);
  return bringUp(parts, session, { input, workspaceDir: ownFolder }, signal);
}

/** From a sandbox to a session that is ready. */
async function bringUp(
  { room, keeper }: OpenParts,
  session: LiveSession,
  { input, workspaceDir }: { readonly input: SessionInput; readonly workspaceDir: string },
  signal: AbortSignal | undefined,
): Promise<Session> {
  const { workspace } = input;
  const { sandbox } = session.bench;
  const internals = { workspaceDir, sandboxRecord: sandbox.record };
  try {
    const waits = workspace?.kind === "archive" || session.template.startupFiles.length > 0;
    // On disk before any code runs: after a crash the sandbox is found again, or swept.
    if (waits) await save(room, session, "starting", internals);
    if (workspace?.kind === "archive") await unpackArchive(sandbox, workspace.source, signal);
    if (session.template.startupFiles.length > 0) await runStartupFiles(session);
    signal?.throwIfAborted();
    await save(room, session, "ready", internals);
    keeper.watch(session);
    return session.row;
  } catch (error) {
    const failure = signal?.aborted
      ? new GloveboxError("cancelled", "making the session was cancelled")
      : toGloveboxError(error);
    await keeper.crash(session, { code: failure.code, message: failure.message });
    throw failure;
  }
}

async function save(
  room: Room,
  session: LiveSession,
  status: "starting" | "ready",
  internals: SessionInternals,
): Promise<void> {
  const now = toTimestamp(room.clock.nowMs());
  const { tenantId, id, limitsApplied, workspace } = session.row;
  const saved = await room.store.sessions.update(
    tenantId,
    id,
    { status, limitsApplied, workspace, lastActivityAt: now, ...(status === "ready" && { readyAt: now }) },
    { from: ["starting"], internals },
  );
  if (saved === undefined || session.closing) {
    throw new GloveboxError("session_not_ready", `the session ended while it was started`, {
      details: { sessionId: id, ...(session.sandboxEnd && { end: session.sandboxEnd.kind }) },
    });
  }
  session.row = saved;
}

/** Row, workspace and sandbox; none is left when one fails. */
async function startSandbox(
  parts: OpenParts,
  row: Session,
  template: Template,
  input: SessionInput,
  spec: ReturnType<typeof sandboxSpec>,
  signal: AbortSignal | undefined,
): Promise<Obtained> {
  const { sessions } = parts.room.store;
  const maxLive = parts.room.quotas.tenant.sessions;
  const { workspaceDir } = spec;
  const created = sessions.create(row, { workspaceDir }, maxLive === undefined ? {} : { maxLive });
  // Awaited below; until then its failure is not forgotten but not unhandled either.
  created.catch(() => {});
  let obtained: Obtained | undefined;
  try {
    // A key that is taken must not cost a sandbox; otherwise row and sandbox are made at the same time.
    if (row.key !== undefined) await created;
    obtained = await obtainSandbox(parts, { template, input }, spec, signal);
    await created;
    return obtained;
  } catch (error) {
    await obtained?.sandbox.destroy();
    const stored = await created.then(
      () => true,
      () => false,
    );
    if (stored) await sessions.delete(row.tenantId, row.id);
    await removeWorkspace(obtained?.workspaceDir ?? workspaceDir);
    throw error;
  }
}

export function makeLive(
  room: Room,
  keeper: SessionKeeper,
  parts: Pick<Choice, "template"> & { readonly network: SessionNetwork; readonly member?: PoolMember },
  row: Session,
  sandbox: Sandbox,
): LiveSession {
  const { template, network, member } = parts;
  const detaching = member?.detaching ?? new AbortController();
  const { redactor, offer } = network;
  const bench = makeBench(room, row, network, sandbox, detaching.signal, member);
  const session = new LiveSession({ room, redactor, template, bench, row, detaching, index: keeper.registry.runs });
  session.offer = offer;
  if (template.snapshots.auto !== "never") session.hooks = keeper.hooks;
  return session;
}

/** What a session works with in a sandbox; the network is closed when that ends or is let go of. */
export function makeBench(
  room: Room,
  row: Pick<Session, "tenantId" | "id" | "env">,
  network: SessionNetwork,
  sandbox: Sandbox,
  detach: AbortSignal,
  member?: PoolMember,
): Workbench {
  void sandbox.ended.then(() => network.close());
  detach.addEventListener("abort", () => network.close(), { once: true });
  const idle = new SessionIdleOutput({
    events: room.store.events,
    stream: sessionStream(row.tenantId, row.id),
    redactor: network.redactor,
    logger: room.logger,
  });
  const env = row.env ?? {};
  if (member === undefined) return new Workbench({ sandbox, idle, detach, env });
  member.enter({ network: network.network, output: idle, env });
  return member.bench;
}

/** A secret's variable holds its placeholder and nothing else. */
function refuseShadowed(secrets: readonly string[], env: SessionInput["env"] = {}): void {
  const name = secrets.find((secret) => secret in env);
  if (name === undefined) return;
  throw new GloveboxError("invalid_argument", `'${name}' is a secret of the template and cannot be given in env`, {
    details: { path: `env.${name}` },
  });
}

function newRow(room: Room, tenantId: string, input: SessionWish, choice: Choice): Session {
  const { template, languages } = choice;
  const { idleTimeoutMs, maxLifetimeMs } = sessionTimes(template, input);
  const nowMs = room.clock.nowMs();
  const now = toTimestamp(nowMs);
  const { workspace } = input;
  return {
    id: newId(nowMs),
    tenantId,
    ...(input.key !== undefined && { key: input.key }),
    templateId: template.id,
    templateVersion: template.version,
    isolation: template.isolation,
    status: "starting",
    workspace: {
      kind: workspace?.kind ?? "empty",
      // An archive is no name of anything.
      ...((workspace?.kind === "dir" || workspace?.kind === "git") && { source: workspace.source }),
    },
    limitsApplied: [],
    languages: [...languages],
    env: { ...template.env, ...input.env },
    nodeId: room.nodeId,
    createdAt: now,
    lastActivityAt: now,
    expiresAt: toTimestamp(nowMs + maxLifetimeMs),
    idleTimeoutMs,
    metadata: input.metadata ?? {},
    ...(input.forkable !== undefined && { forkable: input.forkable }),
    ...(input.services !== undefined && { services: input.services }),
  };
}
