import { type Session, type SessionInput, type Template, toTimestamp } from "../../core/index.ts";
import type { SandboxSpec } from "../../sandbox/index.ts";
import type { Room } from "../room.ts";
import { type Obtained, type ObtainParts, obtainUnconfirmed } from "./obtain-sandbox.ts";
import { removeWorkspace } from "./workspace.ts";

/**
 * Whether a session needs nothing between its sandbox and `ready`, and no key that somebody may have. Then its row is written once, when the
 * sandbox is there: half the commits of a session that must be seen `starting`.
 */
export function startsAtOnce(template: Template, input: SessionInput): boolean {
  const empty = input.workspace === undefined || input.workspace.kind === "empty";
  return empty && input.key === undefined && template.startupFiles.length === 0;
}

/** Workspace, sandbox, and then the row as `ready`; none is left when one fails. A ready sandbox shows that it is alive while the row is written. */
export async function startAtOnce(
  parts: ObtainParts & { readonly room: Room },
  asked: { readonly template: Template; readonly input: SessionInput },
  row: Session,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<Obtained & { readonly row: Session }> {
  const { sessions } = parts.room.store;
  let obtained: Awaited<ReturnType<typeof obtainUnconfirmed>> | undefined;
  try {
    for (let again = false; ; again = true) {
      obtained = await obtainUnconfirmed(parts, asked, spec, { signal, again });
      signal?.throwIfAborted();
      const stored = storeReady(parts.room, row, obtained);
      const [alive, outcome] = await Promise.all([obtained.alive, settled(stored)]);
      if ("error" in outcome) throw outcome.error;
      if (alive) return { ...obtained, row: outcome.row };
      await sessions.delete(row.tenantId, row.id);
    }
  } catch (error) {
    await obtained?.sandbox.destroy();
    await removeWorkspace(obtained?.workspaceDir ?? spec.workspaceDir);
    throw error;
  }
}

async function storeReady(
  { store, clock, quotas }: Room,
  row: Session,
  { sandbox, workspaceDir }: Obtained,
): Promise<Session> {
  const maxLive = quotas.tenant.sessions;
  const now = toTimestamp(clock.nowMs());
  const limitsApplied = [...sandbox.limitsApplied];
  const ready: Session = { ...row, status: "ready", limitsApplied, readyAt: now, lastActivityAt: now };
  const internals = { workspaceDir, sandboxRecord: sandbox.record };
  await store.sessions.create(ready, internals, maxLive === undefined ? {} : { maxLive });
  return ready;
}

function settled(stored: Promise<Session>): Promise<{ readonly row: Session } | { readonly error: unknown }> {
  return stored.then(
    (row) => ({ row }),
    (error: unknown) => ({ error }),
  );
}
