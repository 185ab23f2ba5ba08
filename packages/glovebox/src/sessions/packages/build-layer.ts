import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EgressDecision, GloveboxError, newId, type Outside } from "../../core/index.ts";
import { type IsolationDriver, removeTree, type Sandbox, type SandboxSpec } from "../../sandbox/index.ts";
import { proxyEnv } from "../network/proxy-env.ts";
import { FINISH, type InstallStep, installSteps } from "./install-steps.ts";
import type { Packages } from "./pins.ts";
import type { Registries } from "./registries.ts";

/** Installers unpack and compile: more than code is given by default, and no more than this. */
const LIMITS: SandboxSpec["limits"] = { cpus: 1, memoryMb: 2048, pids: 512, openFiles: 4096, diskMb: 8192 };
const STEP_MS = 15 * 60_000;
const TAIL_CHARS = 4_000;
/** Of refusals that are told when a step fails. */
const MAX_TOLD = 5;

export interface BuildParts {
  readonly driver: IsolationDriver;
  readonly outside: Outside;
  readonly packages: Packages;
  readonly registries: Registries;
  /** Where the layer shall be; its parent folder exists and is on the same file system. */
  readonly folder: string;
}

/**
 * Installs packages in a sandbox of its own, which reaches their registries and nothing else, and moves what came of it to `folder`. What the
 * packages' own scripts do, they do there. Resolves to the layer's size in bytes. Errors: `unavailable` with the end of the installer's output;
 * nothing is left then.
 */
export async function buildLayer(parts: BuildParts, signal?: AbortSignal): Promise<number> {
  const id = newId();
  const workspaceDir = `${parts.folder}.build-${id}`;
  const refused: EgressDecision[] = [];
  const { registries, outside } = parts;
  const allow = [registries.node, registries.python, registries.apt].flatMap((one) => one?.allow ?? []);
  const gate = await outside.egress.open({
    tenantId: "system",
    sessionId: id,
    network: { mode: "allowlist", allow: [...new Set(allow)], exempt: [], limits: NETWORK_LIMITS },
    secrets: [],
    onDecision: (decision) => {
      if (!decision.allowed && refused.length < MAX_TOLD) refused.push(decision);
    },
  });
  try {
    await mkdir(workspaceDir, { recursive: true, mode: 0o700 });
    await prepare(workspaceDir, registries);
    await using sandbox = await parts.driver.create(
      {
        id,
        workspaceDir,
        limits: LIMITS,
        allowPartial: false,
        env: proxyEnv(gate.authority !== undefined),
        languages: ["bash"],
        outliveServer: false,
        network: {
          accept: (connection) => gate.accept(connection),
          ...(gate.authority && { authority: gate.authority }),
        },
      },
      signal,
    );
    for (const step of installSteps(parts.packages, registries)) await runStep(sandbox, step, refused, signal);
    await runStep(sandbox, { name: "finish", script: FINISH, args: [] }, refused, signal);
    const { diskBytes } = await sandbox.stats(signal);
    await sandbox.destroy();
    await rename(join(workspaceDir, "layer"), parts.folder);
    return diskBytes;
  } finally {
    gate.close();
    await removeTree(workspaceDir);
  }
}

/** A registry is no place to stay; what is fetched may be large. */
const NETWORK_LIMITS = { connections: 64, bytes: 8 * 1_073_741_824, seconds: 1_800 } as const;

/** What the installers need of the host. */
async function prepare(workspaceDir: string, { apt }: Registries): Promise<void> {
  await mkdir(join(workspaceDir, "layer"));
  if (apt === undefined) return;
  const etc = join(workspaceDir, "etc");
  await mkdir(join(etc, "trusted.gpg.d"), { recursive: true });
  for (const folder of ["preferences.d", "apt.conf.d", "sources.list.d"]) await mkdir(join(etc, folder));
  await writeFile(join(etc, "sources.list"), `${apt.sources}\n`);
  for (const [name, key] of Object.entries(apt.keys)) await writeFile(join(etc, "trusted.gpg.d", name), key);
  await writeFile(join(workspaceDir, "status"), apt.status);
}

async function runStep(
  sandbox: Sandbox,
  {
    name,
    script,
    args,
  }: { readonly name: InstallStep["name"] | "finish"; readonly script: string; readonly args: readonly string[] },
  refused: readonly EgressDecision[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const argv = ["/bin/bash", "-euo", "pipefail", "-c", script, name, ...args];
  const process = await sandbox.spawn({ kind: "program", argv, stdin: "null", limits: { wallMs: STEP_MS } }, signal);
  let tail = "";
  for await (const item of process.output(signal)) {
    if (item.kind === "output") {
      tail = (tail + Buffer.from(item.data).toString("utf8")).slice(-TAIL_CHARS);
      process.ack(item.stream, item.offset + item.data.length);
    } else if (item.kind === "exit") {
      process.release();
      if (item.exit.code === 0) return;
      throw failed(name, tail, refused);
    }
  }
  throw failed(name, `${tail}\nits sandbox ended`, refused);
}

function failed(name: string, tail: string, refused: readonly EgressDecision[]): GloveboxError {
  const told = refused.map(({ host, port, reason }) => `${host}:${port}: ${reason}`);
  return new GloveboxError("unavailable", `the packages (${name}) could not be installed`, {
    details: { output: tail.trim(), ...(told.length > 0 && { refused: told }) },
  });
}
