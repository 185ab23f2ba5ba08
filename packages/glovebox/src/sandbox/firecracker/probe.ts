import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS, type Language, newId } from "../../core/index.ts";
import { PROBE_PREFIX } from "../bubblewrap/probe.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult } from "../driver.ts";
import { ANSWER, hear, offered } from "../microvm/probe.ts";
import type { FirecrackerHost } from "./prepare-host.ts";

/** What must be there before a machine can be started. */
export interface Prepared {
  readonly host: FirecrackerHost;
  readonly languages: readonly string[];
}

/** Boots a machine, lets a program speak in it, and reports. Never throws. */
export async function probeByBooting(
  driver: IsolationDriver,
  runDir: string,
  prepare: () => Promise<Prepared>,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  let version: string | undefined;
  let workspaceDir: string | undefined;
  try {
    const { host, languages } = await prepare();
    version = `Firecracker ${host.version}, Linux ${host.kernelVersion}`;
    const id = newId();
    workspaceDir = join(runDir, `${PROBE_PREFIX}${id}`);
    await mkdir(workspaceDir);
    const { memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits = { cpus: 1, memoryMb, pids, openFiles, diskMb };
    const begun = performance.now();
    await using sandbox = await driver.create(
      { id, workspaceDir, limits, allowPartial: true, env: {}, languages: [], outliveServer: false },
      signal,
    );
    const said = await hear(sandbox, signal);
    const startMs = performance.now() - begun;
    if (said !== ANSWER) return { available: false, version, reason: `A program in the machine answered: ${said}` };
    const notes = sandbox.limitsApplied
      .filter(({ reason }) => reason !== undefined)
      .map(({ limit, mechanism, reason }) => `${limit} is held by ${mechanism}: ${reason}.`);
    return { available: true, kvm: true, version, capabilities: capabilitiesOf(languages), startMs, notes };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return version === undefined ? { available: false, reason } : { available: false, version, reason };
  } finally {
    if (workspaceDir) await rm(workspaceDir, { recursive: true, force: true }).catch(() => {});
  }
}

function capabilitiesOf(languages: readonly string[]): DriverCapabilities {
  return {
    snapshot: "memory",
    fork: "memory",
    pause: true,
    tty: true,
    network: true,
    programs: true,
    outlivesServer: true,
    workspace: "guest",
    languages: offered(languages) as Language[],
    limits: ["cpus", "memoryMb", "pids", "openFiles", "diskMb"],
  };
}
