import { type Capability, GloveboxError, type NetworkSpec, type TemplatePatch } from "../../core/index.ts";
import { BUILT_INS, MODULES } from "./catalogue.ts";

type Kind = Capability["kind"];

/** The short forms of a template, as its capabilities say. */
export interface ShortForms {
  readonly modules: string[];
  readonly network: NetworkSpec;
  readonly env: Record<string, string>;
}

/** Of one session, where nothing else is said: 64 connections at once, 1 GiB, an hour a connection. */
const NETWORK_LIMITS: NetworkSpec["limits"] = { connections: 64, bytes: 1_073_741_824, seconds: 3_600 };
const NO_NETWORK: NetworkSpec = { mode: "none", allow: [], exempt: [], limits: NETWORK_LIMITS };

/**
 * The one list of what is exposed. A short form in `patch` replaces all capabilities of its kind; `patch.capabilities` replaces the whole list
 * before that.
 */
export function mergeCapabilities(current: readonly Capability[], patch: TemplatePatch): Capability[] {
  let list = patch.capabilities ?? [...current];
  if (patch.modules !== undefined) {
    list = replaceKind(
      list,
      "module",
      patch.modules.map((name) => make("module", name)),
    );
  }
  if (patch.env !== undefined) {
    const env = Object.entries(patch.env).map(([name, value]) => make("env", name, { value }));
    list = replaceKind(list, "env", env);
  }
  if (patch.network !== undefined) {
    const { mode, ...config } = patch.network;
    list = replaceKind(list, "net", mode === "none" ? [] : [make("net", mode, config)]);
  }
  return unique(list);
}

/** What enabled capabilities amount to. */
export function shortForms(capabilities: readonly Capability[]): ShortForms {
  const on = capabilities.filter(({ enabled }) => enabled);
  const net = on.find(({ kind }) => kind === "net");
  return {
    modules: on.filter(({ kind }) => kind === "module").map(({ name }) => name),
    network: net === undefined ? NO_NETWORK : networkOf(net),
    env: Object.fromEntries(
      on.filter(({ kind }) => kind === "env").map(({ name, config }) => [name, String(config.value ?? "")]),
    ),
  };
}

function networkOf({ name, config }: Capability): NetworkSpec {
  const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
  return {
    mode: name === "open" ? "open" : "allowlist",
    allow: texts(config.allow),
    exempt: texts(config.exempt),
    limits: { ...NETWORK_LIMITS, ...(config.limits as Partial<NetworkSpec["limits"]> | undefined) },
  };
}

/** Errors: `module_not_allowed`, `invalid_argument`, `not_supported_by_isolation` for what does not exist (yet). */
export function checkCapability(capability: Capability): void {
  const { kind, name, config } = capability;
  switch (kind) {
    case "module":
      checkModule(name);
      return;
    case "env":
      if (!/^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name)) {
        throw new GloveboxError("invalid_argument", `'${name}' is not a name of an environment variable`);
      }
      if (typeof config.value !== "string" || config.value.includes("\0")) {
        throw new GloveboxError("invalid_argument", `the capability env/${name} needs config.value, a text`);
      }
      return;
    case "net":
      if (name === "open" || name === "allowlist") return;
      throw new GloveboxError("invalid_argument", `'net/${name}' is no network; there are net/open and net/allowlist`);
    case "fs":
    case "global":
      throw new GloveboxError(
        "module_not_allowed",
        `capabilities of kind '${kind}' are not available yet; use modules and libraries`,
        { details: { kind, name } },
      );
  }
}

function checkModule(name: string): void {
  if (MODULES.some((module) => module.name === name)) return;
  const builtIn = BUILT_INS.has(name.toLowerCase());
  const message = builtIn
    ? `'${name}' is part of JavaScript: it is always there and cannot be added`
    : `there is no module '${name}'; there are ${MODULES.map((module) => module.name).join(", ")}`;
  throw new GloveboxError("module_not_allowed", message, { details: { module: name } });
}

function make(kind: Kind, name: string, config: Capability["config"] = {}): Capability {
  return { kind, name, enabled: true, config };
}

function replaceKind(list: readonly Capability[], kind: Kind, next: readonly Capability[]): Capability[] {
  return [...list.filter((item) => item.kind !== kind), ...next];
}

/** One per kind and name: the last. */
function unique(list: readonly Capability[]): Capability[] {
  return [...new Map(list.map((item) => [`${item.kind}/${item.name}`, item])).values()];
}
