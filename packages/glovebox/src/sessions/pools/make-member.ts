import { newId, type Template } from "../../core/index.ts";
import type { Isolations } from "../lifecycle/isolations.ts";
import { sandboxSpec, sessionLimits } from "../lifecycle/session-spec.ts";
import { placeStartupFiles } from "../lifecycle/startup-files.ts";
import { prepareWorkspace, removeWorkspace, workspaceDir } from "../lifecycle/workspace.ts";
import { openNetwork } from "../network/session-network.ts";
import type { Room } from "../room.ts";
import { kernelsOf } from "./fit.ts";
import { PoolMember } from "./pool-member.ts";
import { LaterNetwork } from "./stand-in.ts";

/** Building packages is among it. */
const PATIENCE_MS = 30 * 60_000;

/** Makes a sandbox as a session of the template would, that asks for nothing of its own, and starts its kernels. Errors: as of a session's creation. */
export async function makeMember(
  { room, isolations }: { readonly room: Room; readonly isolations: Isolations },
  template: Template,
  closing: AbortSignal,
): Promise<PoolMember> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(PATIENCE_MS)]);
  await isolations.require(template.isolation);
  const driver = isolations.driver(template.isolation);
  const id = newId(room.clock.nowMs());
  const libraries = await room.libraries.sources(template.libraries, signal);
  const layer = await room.layers.folder(template.packages, driver, signal);
  // What a session's way out brings along; its own is opened when there is one.
  const like = await openNetwork(room, template, { id, tenantId: template.tenantId, env: template.env });
  like.close();
  const later = like.network && new LaterNetwork(like.network);
  const spec = sandboxSpec(
    { id, env: { ...template.env, ...like.placeholders } },
    { template, languages: template.languages },
    {},
    {
      workspaceDir: workspaceDir(room.dataDir, id),
      limits: sessionLimits(template),
      libraries,
      network: later === undefined ? like : { ...like, network: later },
      layer,
    },
  );
  try {
    await prepareWorkspace(spec.workspaceDir, undefined, signal);
    const member = new PoolMember(spec, await driver.create(spec, signal), later);
    try {
      // Before any kernel, as in a session that waits for none: what one reads when it starts may be among them.
      await placeStartupFiles(member.sandbox.files, template.startupFiles);
      // Each session's placeholders are its own, so no kernel could be kept.
      if (template.secrets.length === 0) await started(member.startKernels(kernelsOf(template.languages)), signal);
      await started(member.rehearse(), signal);
      if (member.dead) throw new Error("it ended while its kernels were started");
      return member;
    } catch (error) {
      await member.destroy();
      throw error;
    }
  } catch (error) {
    await removeWorkspace(spec.workspaceDir);
    throw error;
  }
}

/** What waits for a sandbox that does not answer waits no longer than the signal. */
function started(starting: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return Promise.race([starting, promise]).finally(() => signal.removeEventListener("abort", stop));
}
