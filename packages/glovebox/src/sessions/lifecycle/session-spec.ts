import { GloveboxError, type Session, type SessionInput, type SessionLimits, type Template } from "../../core/index.ts";
import type { KernelOptions, SandboxSpec } from "../../sandbox/index.ts";
import { checkMax } from "../executions/execution-limits.ts";
import type { SessionNetwork } from "../network/session-network.ts";
import { layerEnv } from "../packages/install-steps.ts";
import type { Choice } from "./choose-template.ts";

const NAMES = ["cpus", "memoryMb", "pids", "openFiles", "diskMb"] as const;

/** The limits of a session's sandbox. Errors: `invalid_argument` above the template's `maxLimits`. */
export function sessionLimits(template: Template, asked: SessionInput["limits"] = {}): SessionLimits {
  for (const name of NAMES) checkMax(name, asked[name], template.maxLimits);
  const pick = (name: keyof SessionLimits) => asked[name] ?? template.limits[name];
  return {
    cpus: pick("cpus"),
    memoryMb: pick("memoryMb"),
    pids: pick("pids"),
    openFiles: pick("openFiles"),
    diskMb: pick("diskMb"),
  };
}

/** The limits that a session was made with, as far as its row tells. */
export function sessionLimitsOf(template: Template, applied: Session["limitsApplied"]): SessionLimits {
  const asked = applied.flatMap(({ limit, requested }) => {
    const name = NAMES.find((known) => known === limit);
    return name !== undefined && typeof requested === "number" ? [[name, requested] as const] : [];
  });
  return { ...sessionLimits(template), ...Object.fromEntries(asked) };
}

/** Milliseconds a session may live and idle. Errors: `invalid_argument` above the template's. */
export function sessionTimes(
  template: Template,
  input: SessionInput,
): { readonly idleTimeoutMs: number; readonly maxLifetimeMs: number } {
  const pick = (name: "idleTimeoutMs" | "maxLifetimeMs") => {
    const asked = input[name];
    if (asked === undefined || asked <= template[name]) return asked ?? template[name];
    throw new GloveboxError("invalid_argument", `${name} is ${asked}; the template allows ${template[name]}`, {
      details: { path: name, max: template[name] },
    });
  };
  return { idleTimeoutMs: pick("idleTimeoutMs"), maxLifetimeMs: pick("maxLifetimeMs") };
}

/** What the driver is asked for. */
export function sandboxSpec(
  row: Pick<Session, "id" | "env" | "forkable">,
  choice: Choice,
  input: SessionInput,
  parts: {
    readonly workspaceDir: string;
    readonly limits: SessionLimits;
    readonly libraries: Readonly<Record<string, string>>;
    readonly network: SessionNetwork;
    /** Host folder of the template's packages. */
    readonly layer: string | undefined;
  },
): SandboxSpec {
  const { template, languages } = choice;
  const { network, env } = parts.network;
  return {
    id: row.id,
    workspaceDir: parts.workspaceDir,
    limits: parts.limits,
    allowPartial: input.allowPartial ?? template.allowPartial,
    env: { ...env, ...(parts.layer !== undefined && layerEnv(template.packages)), ...row.env },
    ...(network !== undefined && { network }),
    ...(parts.layer !== undefined && { packages: parts.layer }),
    ...(template.image !== undefined && { image: template.image }),
    languages,
    kernelOptions: kernelOptions(template, parts.libraries),
    ...((row.forkable ?? template.forkable) && { forkable: true }),
    outliveServer: true,
  };
}

function kernelOptions(template: Template, libraries: Readonly<Record<string, string>>): KernelOptions {
  const modules = template.capabilities
    .filter(({ kind, enabled }) => kind === "module" && enabled)
    .map(({ name, config }) => [name, config] as const);
  return {
    ...template.runtime,
    resolver: template.resolver,
    ...(modules.length > 0 && { modules: Object.fromEntries(modules) }),
    ...(Object.keys(libraries).length > 0 && { libraries }),
  };
}
