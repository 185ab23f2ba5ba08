import { join } from "node:path";
import { newId, type Session, type SessionLimits, type Template } from "../../core/index.ts";
import type { SandboxSpec } from "../../sandbox/index.ts";
import type { Isolations } from "../lifecycle/isolations.ts";
import { sandboxSpec, sessionLimitsOf } from "../lifecycle/session-spec.ts";
import { workspacesFolder } from "../lifecycle/workspace.ts";
import { openNetwork, type SessionNetwork } from "../network/session-network.ts";
import type { Room } from "../room.ts";

/** What a session's next sandbox, or a new session's that is like another, is asked for. */
export interface NextSandbox {
  readonly network: SessionNetwork;
  /** With the placeholders of its secrets. */
  readonly env: Readonly<Record<string, string>>;
  readonly spec: SandboxSpec;
  readonly limits: SessionLimits;
}

/** `row` says all but the limits, which `like` was made with. `again`: it keeps the placeholders that `row` has. Close the network when it comes to nothing. */
export async function nextSandbox(
  { room, isolations }: { readonly room: Room; readonly isolations: Isolations },
  row: Session,
  template: Template,
  options: { readonly like: Session; readonly again: boolean },
): Promise<NextSandbox> {
  const limits = sessionLimitsOf(template, options.like.limitsApplied);
  const libraries = await room.libraries.sources(template.libraries);
  const layer = await room.layers.folder(template.packages, isolations.driver(row.isolation));
  const network = await openNetwork(room, template, row, { again: options.again });
  const env = { ...row.env, ...network.placeholders };
  const choice = { template, languages: row.languages };
  // What was allowed once is allowed again.
  const partial = options.like.limitsApplied.some(({ applied }) => applied === null);
  const input = partial ? { allowPartial: true } : {};
  const id = newId(room.clock.nowMs());
  const workspaceDir = nextWorkspace(room.dataDir, row.id, id);
  const spec = sandboxSpec({ ...row, env }, choice, input, { workspaceDir, limits, libraries, network, layer });
  return { network, env, limits, spec: { ...spec, id } };
}

/** A workspace beside the first of a session: which one it has is in its row. */
function nextWorkspace(dataDir: string, sessionId: string, sandboxId: string): string {
  return join(workspacesFolder(dataDir), `${sessionId}.${sandboxId}`);
}
