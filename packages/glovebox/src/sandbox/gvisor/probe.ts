import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS, type Language, newId, type SessionLimits } from "../../core/index.ts";
import { offeredLanguages } from "../bubblewrap/offered-languages.ts";
import { hear, PROBE_ANSWER, PROBE_PREFIX } from "../bubblewrap/probe.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult } from "../driver.ts";
import type { GvisorOptions } from "./options.ts";
import type { PreparedHost } from "./prepare-host.ts";

/** A runsc that hangs (its `kvm` platform does where KVM is broken) shall not hang who asks. */
const PROBE_MS = 20_000;

/** Starts a sandbox, lets a program speak in it, and reports. Never throws. */
export async function probeByRunning(
  driver: IsolationDriver,
  options: Pick<Required<GvisorOptions>, "runDir" | "kernelsDir" | "nodePath">,
  prepared: () => Promise<PreparedHost>,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  let version: string | undefined;
  let workspaceDir: string | undefined;
  const bound = AbortSignal.any([AbortSignal.timeout(PROBE_MS), ...(signal ? [signal] : [])]);
  try {
    const host = await prepared();
    version = host.version;
    const id = newId();
    workspaceDir = join(options.runDir, `${PROBE_PREFIX}${id}`);
    await mkdir(workspaceDir);
    const begun = performance.now();
    const { memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits: SessionLimits = { cpus: 1, memoryMb, pids, openFiles, diskMb };
    const spec = { id, workspaceDir, limits, allowPartial: true, env: {}, languages: [] };
    await using sandbox = await driver.create({ ...spec, outliveServer: false }, bound);
    const said = await hear(sandbox, bound);
    const startMs = performance.now() - begun;
    if (said !== PROBE_ANSWER)
      return { available: false, version, reason: `A program in the sandbox answered: ${said}` };
    const capabilities = capabilitiesOf(offeredLanguages(options.kernelsDir, options.nodePath));
    const notes = sandbox.limitsApplied
      .filter((limit) => limit.reason !== undefined)
      .map((limit) => `${limit.limit} is held by ${limit.mechanism}: ${limit.reason}.`);
    return { available: true, version, capabilities, startMs, notes: [`The platform is ${host.platform}.`, ...notes] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return version === undefined ? { available: false, reason } : { available: false, version, reason };
  } finally {
    if (workspaceDir) await rm(workspaceDir, { recursive: true, force: true }).catch(() => {});
  }
}

function capabilitiesOf(languages: readonly Language[]): DriverCapabilities {
  return {
    snapshot: "memory",
    fork: "memory",
    pause: true,
    tty: true,
    network: true,
    programs: true,
    workspace: "host",
    outlivesServer: true,
    languages,
    limits: ["cpus", "memoryMb", "pids", "openFiles", "diskMb"],
  };
}
