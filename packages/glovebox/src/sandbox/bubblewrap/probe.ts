import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEFAULT_LIMITS, type Language, newId, type SessionLimits } from "../../core/index.ts";
import type { CgroupHost } from "../cgroup/index.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult, Sandbox } from "../driver.ts";
import { offeredLanguages } from "./offered-languages.ts";
import type { BubblewrapOptions } from "./options.ts";

const run = promisify(execFile);
/** Workspaces of probes begin with this, and end with the sandbox's id. */
export const PROBE_PREFIX = "probe-";
/** What a program in the probed sandbox says. */
export const PROBE_ANSWER = "glovebox probe";

/** Starts a sandbox, lets a program speak in it, and reports. Never throws. */
export async function probeByRunning(
  driver: IsolationDriver,
  options: Pick<Required<BubblewrapOptions>, "runDir" | "kernelsDir" | "nodePath">,
  cgroups: () => Promise<CgroupHost>,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  let version: string | undefined;
  let workspaceDir: string | undefined;
  try {
    version = (await run("bwrap", ["--version"])).stdout.trim().replace(/^bubblewrap /, "");
    const { missing } = await cgroups();
    const id = newId();
    workspaceDir = join(options.runDir, `${PROBE_PREFIX}${id}`);
    await mkdir(workspaceDir);
    const begun = performance.now();
    const { memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits: SessionLimits = { cpus: 1, memoryMb, pids, openFiles, diskMb };
    const spec = { id, workspaceDir, limits, allowPartial: true, env: {}, languages: [] };
    await using sandbox = await driver.create({ ...spec, outliveServer: false }, signal);
    const said = await hear(sandbox, signal);
    const startMs = performance.now() - begun;
    if (said !== PROBE_ANSWER)
      return { available: false, version, reason: `A program in the sandbox answered: ${said}` };
    const capabilities = capabilitiesOf(offeredLanguages(options.kernelsDir, options.nodePath));
    return { available: true, version, capabilities, startMs, notes: notesOf(sandbox, missing) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return version === undefined ? { available: false, reason } : { available: false, version, reason };
  } finally {
    if (workspaceDir) await rm(workspaceDir, { recursive: true, force: true }).catch(() => {});
  }
}

/** What such a program said. */
export async function hear(sandbox: Sandbox, signal?: AbortSignal): Promise<string> {
  const program = await sandbox.spawn({ kind: "program", argv: ["/bin/echo", PROBE_ANSWER], stdin: "null" }, signal);
  let text = "";
  for await (const item of program.output(signal)) {
    if (item.kind === "output") text += Buffer.from(item.data).toString("utf8");
  }
  return text.trim();
}

function capabilitiesOf(languages: readonly Language[]): DriverCapabilities {
  return {
    snapshot: "files",
    fork: "files",
    pause: true,
    tty: true,
    network: true,
    programs: true,
    outlivesServer: true,
    workspace: "host",
    languages,
    limits: ["cpus", "memoryMb", "pids", "openFiles", "diskMb"],
  };
}

function notesOf(sandbox: Sandbox, missing: CgroupHost["missing"]): string[] {
  const notes = sandbox.limitsApplied
    .filter((limit) => limit.reason !== undefined)
    .map((limit) => `${limit.limit} is held by ${limit.mechanism}: ${limit.reason}.`);
  if (missing.freezer) notes.push(`Processes cannot be frozen: ${missing.freezer}.`);
  return notes;
}
