import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_LIMITS, type Language, newId } from "../../core/index.ts";
import { PROBE_PREFIX } from "../bubblewrap/probe.ts";
import type { DriverCapabilities, IsolationDriver, ProbeResult, Sandbox } from "../driver.ts";
import type { Image } from "../images/index.ts";
import type { Accelerator } from "./accelerator.ts";
import { offered } from "./driver.ts";
import type { PreparedHost } from "./prepare-host.ts";

const ANSWER = "glovebox probe";

interface Found {
  readonly accelerator: Accelerator;
  readonly host: PreparedHost;
  readonly image: Image;
}

/** Starts a machine, lets a program speak in it, and reports. Never throws. */
export async function probeByRunning(
  driver: IsolationDriver,
  runDir: string,
  prepare: () => Promise<Found>,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  let version: string | undefined;
  let workspaceDir: string | undefined;
  try {
    const { accelerator, host, image } = await prepare();
    version = `QEMU ${host.qemuVersion}, Linux ${host.kernel.version}`;
    const id = newId();
    workspaceDir = join(runDir, `${PROBE_PREFIX}${id}`);
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
    if (said !== ANSWER) return { available: false, version, reason: `A program in the machine answered: ${said}` };
    return {
      available: true,
      kvm: accelerator === "kvm",
      version,
      capabilities: capabilitiesOf(image),
      startMs,
      notes: notesOf(accelerator, sandbox),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return version === undefined ? { available: false, reason } : { available: false, version, reason };
  } finally {
    if (workspaceDir) await rm(workspaceDir, { recursive: true, force: true }).catch(() => {});
  }
}

async function hear(sandbox: Sandbox, signal?: AbortSignal): Promise<string> {
  const program = await sandbox.spawn({ kind: "program", argv: ["/bin/echo", ANSWER], stdin: "null" }, signal);
  let text = "";
  for await (const item of program.output(signal)) {
    if (item.kind === "output") text += Buffer.from(item.data).toString("utf8");
  }
  return text.trim();
}

function capabilitiesOf(image: Image): DriverCapabilities {
  return {
    snapshot: "memory",
    fork: "memory",
    pause: true,
    tty: true,
    network: true,
    programs: true,
    outlivesServer: true,
    workspace: "guest",
    languages: offered(image.languages) as Language[],
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
