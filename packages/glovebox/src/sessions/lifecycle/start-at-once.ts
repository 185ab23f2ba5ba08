import { type Session, type SessionInput, type Template, toTimestamp } from "../../core/index.ts";
import type { SandboxSpec } from "../../sandbox/index.ts";
import type { Room } from "../room.ts";
import { type Obtained, type ObtainParts, obtainSandbox } from "./obtain-sandbox.ts";
import { removeWorkspace } from "./workspace.ts";

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
  parts: ObtainParts & { readonly room: Room },
  asked: { readonly template: Template; readonly input: SessionInput },
  row: Session,
  spec: SandboxSpec,
  signal: AbortSignal | undefined,
): Promise<Obtained & { readonly row: Session }> {
  const { store, clock, quotas } = parts.room;
  const maxLive = quotas.tenant.sessions;
  let obtained: Obtained | undefined;
  try {
    obtained = await obtainSandbox(parts, asked, spec, signal);
    signal?.throwIfAborted();
    const { sandbox, workspaceDir } = obtained;
    const now = toTimestamp(clock.nowMs());
    const limitsApplied = [...sandbox.limitsApplied];
    const ready: Session = { ...row, status: "ready", limitsApplied, readyAt: now, lastActivityAt: now };
    const internals = { workspaceDir, sandboxRecord: sandbox.record };
    await store.sessions.create(ready, internals, maxLive === undefined ? {} : { maxLive });
    return { ...obtained, row: ready };
  } catch (error) {
    await obtained?.sandbox.destroy();
    await removeWorkspace(obtained?.workspaceDir ?? spec.workspaceDir);
    throw error;
  }
}
