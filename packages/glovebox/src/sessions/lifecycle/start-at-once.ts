import { type Session, type SessionInput, type Template, toTimestamp } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../../sandbox/index.ts";
import type { Room } from "../room.ts";
import type { Isolations } from "./isolations.ts";
import { prepareWorkspace, removeWorkspace } from "./workspace.ts";

/**
 * Whether a session needs nothing between its sandbox and `ready`, and no key that somebody may have. Then its row is written once, when the
 * sandbox is there: half the commits of a session that must be seen `starting`.
 */
export function startsAtOnce(template: Template, input: SessionInput): boolean {
  const empty = input.workspace === undefined || input.workspace.kind === "empty";
  return empty && input.key === undefined && template.startupFiles.length === 0;
}

/** Workspace, sandbox, and then the row as `ready`; none is left when one fails. */
export async function startAtOnce(
  { room, isolations }: { readonly room: Room; readonly isolations: Isolations },
  row: Session,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<{ readonly sandbox: Sandbox; readonly row: Session }> {
  const { store, clock, quotas } = room;
  const { workspaceDir } = spec;
  const maxLive = quotas.tenant.sessions;
  let sandbox: Sandbox | undefined;
  try {
    await prepareWorkspace(workspaceDir, undefined, signal);
    sandbox = await isolations.driver(row.isolation).create(spec, signal);
    signal?.throwIfAborted();
    const now = toTimestamp(clock.nowMs());
    const limitsApplied = [...sandbox.limitsApplied];
    const ready: Session = { ...row, status: "ready", limitsApplied, readyAt: now, lastActivityAt: now };
    const internals = { workspaceDir, sandboxRecord: sandbox.record };
    await store.sessions.create(ready, internals, maxLive === undefined ? {} : { maxLive });
    return { sandbox, row: ready };
  } catch (error) {
    await sandbox?.destroy();
    await removeWorkspace(workspaceDir);
    throw error;
  }
}
