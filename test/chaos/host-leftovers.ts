import { createHash } from "node:crypto";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { detectCgroups } from "../../packages/glovebox/src/sandbox/cgroup/index.ts";

/** What is on the host now that belongs to the sandboxes of a server's data folder: processes, run folders, cgroups. */
export async function hostLeftovers(dataDir: string): Promise<string[]> {
  const found = await Promise.all(runDirsOf(dataDir).map((runDir) => leftoversOf(dataDir, runDir)));
  return [...new Set(found.flat())].sort();
}

/** One for each driver that has sandboxes on the host. gVisor's is within bubblewrap's, microVMs' beside it. */
function runDirsOf(dataDir: string): readonly string[] {
  return [join(dataDir, "run"), join(dataDir, "run", GVISOR), join(dataDir, "microvm")];
}

const GVISOR = "gvisor";

async function leftoversOf(dataDir: string, runDir: string): Promise<string[]> {
  const names = (await readdir(runDir).catch(() => [])).filter((name) => name !== GVISOR);
  const folders = names.map((name) => `folder ${name}`);
  // A supervisor that has hidden the host's paths from itself still names its cgroups.
  const prefix = `${createHash("sha256").update(runDir).digest("hex").slice(0, 8)}-`;
  return [...folders, ...(await processesOf(dataDir, prefix)), ...(await cgroupsOf(prefix))];
}

async function processesOf(folder: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (words.includes(folder) || words.includes(`/${prefix}`) || cwd.startsWith(folder))
      found.push(`process ${pid} ${words.replaceAll("\0", " ")}`);
  }
  return found;
}

async function cgroupsOf(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const { dir } of detectCgroups().parents) {
    for (const name of await readdir(dir)) if (name.startsWith(prefix)) found.push(`cgroup ${dir}/${name}`);
  }
  return found;
}
