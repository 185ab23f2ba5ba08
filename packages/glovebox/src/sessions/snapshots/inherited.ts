import type { Snapshot } from "../../core/index.ts";
import type { Sandbox } from "../../sandbox/index.ts";
import type { SessionInternals } from "../../store/index.ts";
import type { Room } from "../room.ts";

/** What a session's row says of a sandbox that was made from memory: a restart must tell the processes that came along from those that nobody waits for. */
export function inheritedBy(sandbox: Sandbox): Pick<SessionInternals, "inherited"> {
  return { inherited: sandbox.attached.map(({ id }) => id) };
}

/** Whether a kernel may have been in the middle of something when a snapshot was taken. */
export async function wasBusy(room: Room, { kind, tenantId, executionId }: Snapshot): Promise<boolean> {
  if (kind === "files" || executionId === undefined) return false;
  const execution = await room.store.executions.get(tenantId, executionId);
  return execution?.background !== true;
}
