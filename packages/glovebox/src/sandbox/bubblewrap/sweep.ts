import { readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { isId } from "../../core/index.ts";
import { type CgroupHost, type CgroupPlace, SandboxCgroup, sweepCgroups } from "../cgroup/index.ts";
import type { SweepReport } from "../driver.ts";
import {
  CGROUPS_NAME,
  identify,
  LAUNCHER_PREFIX,
  type ProcessIdentity,
  parseStatus,
  STATUS_NAME,
  Supervisor,
  WAITING_PREFIX,
} from "../supervisor/index.ts";
import { PROBE_PREFIX } from "./probe.ts";
import { areCgroups } from "./record.ts";

/**
 * Ends the supervisors of run folders that nobody knows, and removes their folders and cgroups. Supervisors that wait
 * for this or another living server are left alone: they hold on to it by a socket, and leave by themselves.
 */
export async function sweepRunDir(
  runDir: string,
  keep: ReadonlySet<string>,
  cgroups: CgroupHost,
  cgroupPrefix: string,
): Promise<SweepReport> {
  const removed: string[] = [];
  const keptCgroups = new Set<string>();
  for (const name of await readdir(runDir).catch(() => [])) {
    const folder = join(runDir, name);
    const identity = await supervisorOf(folder);
    if (name.startsWith(WAITING_PREFIX) && identity) {
      keptCgroups.add(cgroupPrefix + name.slice(WAITING_PREFIX.length));
    } else if (isId(name) && keep.has(name)) {
      for (const { dir } of await cgroupsOf(folder)) keptCgroups.add(basename(dir));
    } else if (name.startsWith(LAUNCHER_PREFIX)) {
      // One that was killed leaves its socket.
      const server = Number(name.slice(LAUNCHER_PREFIX.length).split("-")[0]);
      if (!identify(server)) await rm(folder, { force: true });
    } else if (name.startsWith(PROBE_PREFIX)) {
      if (!keep.has(name.slice(PROBE_PREFIX.length))) await rm(folder, { recursive: true, force: true });
    } else if (isId(name) || name.startsWith(WAITING_PREFIX)) {
      if (identity) await Supervisor.adopt(identity, folder).kill();
      await SandboxCgroup.adopt(await cgroupsOf(folder)).remove();
      await rm(folder, { recursive: true, force: true });
      removed.push(`sandbox ${name}${identity ? ` (process ${identity.pid})` : ""}`);
    }
  }
  for (const name of await sweepCgroups(cgroups, cgroupPrefix, keptCgroups)) removed.push(`cgroup ${name}`);
  return { removed };
}

/** Removes a run folder and its cgroups when its supervisor has ended. Returns whether it had. */
export async function removeWhenOver(folder: string): Promise<boolean> {
  if (await supervisorOf(folder)) return false;
  await SandboxCgroup.adopt(await cgroupsOf(folder)).remove();
  await rm(folder, { recursive: true, force: true });
  return true;
}

/** The uids under which supervisors of this run folder live. */
export async function uidsInUse(runDir: string): Promise<number[]> {
  const uids: number[] = [];
  for (const name of await readdir(runDir).catch(() => [])) {
    const identity = await supervisorOf(join(runDir, name));
    const status = identity ? await readFile(`/proc/${identity.pid}/status`, "utf8").catch(() => "") : "";
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
    if (uid !== undefined && uid !== "0") uids.push(Number(uid));
  }
  return uids;
}

/** The supervisor that the folder's status names, when exactly that process still runs. */
async function supervisorOf(folder: string): Promise<ProcessIdentity | undefined> {
  const { supervisor, end } = parseStatus(await readFile(join(folder, STATUS_NAME), "utf8").catch(() => ""));
  if (!supervisor || end) return undefined;
  const now = identify(supervisor.pid);
  return now?.startTime === supervisor.startTime ? now : undefined;
}

/** The cgroups may lie elsewhere than this server would make them: it can be in another cgroup than the one before. */
async function cgroupsOf(folder: string): Promise<readonly CgroupPlace[]> {
  try {
    const places: unknown = JSON.parse(await readFile(join(folder, CGROUPS_NAME), "utf8"));
    return areCgroups(places) ? places : [];
  } catch {
    return [];
  }
}
