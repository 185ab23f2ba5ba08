import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS, GloveboxError, type Language, newId } from "../../core/index.ts";
import { PROBE_PREFIX } from "../bubblewrap/probe.ts";
import { askVersions } from "../doctor-languages.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult, Sandbox } from "../driver.ts";
import type { Image } from "../images/index.ts";
import type { Accelerator } from "./accelerator.ts";
import { keepProbe, keptProbe, type SeenMachine } from "./kept-probe.ts";
import type { PreparedHost } from "./prepare-host.ts";

export const ANSWER = "glovebox probe";

/** What must be there before a machine can be started. */
export interface Prepared {
  readonly accelerator: Accelerator;
  readonly host: PreparedHost;
  readonly image: Image;
}

export interface ProbeFolders {
  readonly runDir: string;
  readonly cacheDir: string;
}

/**
 * Starts a machine, lets programs speak in it, and reports; or reports what was seen when that was done with the same versions of QEMU,
 * both kernels and the image. Never throws.
 */
export async function probeByRunning(
  driver: IsolationDriver,
  { runDir, cacheDir }: ProbeFolders,
  prepare: () => Promise<Prepared>,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  let version: string | undefined;
  try {
    const { accelerator, host, image } = await prepare();
    version = `QEMU ${host.qemuVersion}, Linux ${host.kernel.version}`;
    const own = (await readFile("/proc/version", "utf8")).trim();
    const about = JSON.stringify([host.compatibility, own, accelerator, image.id, process.getuid?.() === 0]);
    const languages = offered(image.languages) as Language[];
    let seen = await keptProbe(cacheDir, about);
    if (seen === undefined) {
      seen = await startOne(driver, runDir, languages, accelerator, signal);
      await keepProbe(cacheDir, about, seen);
    }
    const capabilities = capabilitiesOf(languages);
    return { available: true, kvm: accelerator === "kvm", version, capabilities, ...seen };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return version === undefined ? { available: false, reason } : { available: false, version, reason };
  }
}

async function startOne(
  driver: IsolationDriver,
  runDir: string,
  languages: readonly Language[],
  accelerator: Accelerator,
  signal: AbortSignal | undefined,
): Promise<SeenMachine> {
  const id = newId();
  const workspaceDir = join(runDir, `${PROBE_PREFIX}${id}`);
  try {
    await mkdir(workspaceDir);
    const { memoryMb, pids, openFiles, diskMb } = DEFAULT_LIMITS;
    const limits = { cpus: 1, memoryMb, pids, openFiles, diskMb };
    const spec = { id, workspaceDir, limits, allowPartial: true, env: {}, languages: [], outliveServer: false };
    // The first makes the template, which is not what a sandbox costs.
    await (await driver.create(spec, signal)).destroy();
    const begun = performance.now();
    await using sandbox = await driver.create({ ...spec, id: newId() }, signal);
    const said = await hear(sandbox, signal);
    const startMs = performance.now() - begun;
    if (said !== ANSWER) {
      throw new GloveboxError("isolation_unavailable", `A program in the machine answered: ${said}`);
    }
    const versions = await askVersions(sandbox, languages, signal);
    return { startMs, versions, notes: notesOf(accelerator, sandbox) };
  } finally {
    await rm(workspaceDir, { recursive: true, force: true }).catch(() => {});
  }
}

/** What a program says in a sandbox when it is told to say {@link ANSWER}. */
export async function hear(sandbox: Sandbox, signal?: AbortSignal): Promise<string> {
  const program = await sandbox.spawn({ kind: "program", argv: ["/bin/echo", ANSWER], stdin: "null" }, signal);
  let text = "";
  for await (const item of program.output(signal)) {
    if (item.kind === "output") text += Buffer.from(item.data).toString("utf8");
  }
  return text.trim();
}

/** Node comes with the host's tools, whatever an image holds. */
export function offered(found: readonly string[]): string[] {
  return [...new Set([...found, "javascript", "typescript"])];
}

function capabilitiesOf(languages: readonly Language[]): DriverCapabilities {
  return {
    snapshot: "memory",
    fork: "memory",
    pause: true,
    tty: true,
    network: true,
    programs: true,
    outlivesServer: true,
    workspace: "guest",
    languages,
    limits: ["cpus", "memoryMb", "pids", "openFiles", "diskMb"],
  };
}

function notesOf(accelerator: Accelerator, sandbox: Sandbox): string[] {
  const held = sandbox.limitsApplied
    .filter((limit) => limit.reason !== undefined)
    .map((limit) => `${limit.limit} is held by ${limit.mechanism}: ${limit.reason}.`);
  const emulated = "No guest boots with KVM here: machines are emulated, and compute about a tenth as fast.";
  return accelerator === "kvm" ? held : [emulated, ...held];
}
