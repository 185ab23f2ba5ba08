import type { Isolation, Language } from "./isolation.ts";
import type { Json } from "./json.ts";
import type { Limits, Some } from "./limits.ts";

export interface NetworkSpec {
  readonly mode: "none" | "allowlist" | "open";
  /** `host`, `host:port`, `*.host`, `*.host:port`, or with methods and a path: `GET,HEAD https://host/path/*`. */
  readonly allow: readonly string[];
  /** Hosts whose TLS is never opened, because their clients pin certificates. They get no secrets. */
  readonly exempt: readonly string[];
  /** Of one session. */
  readonly limits: NetworkLimits;
}

export interface NetworkLimits {
  /** Connections at the same time. Default 64. */
  readonly connections: number;
  /** Bytes in both directions, over the session's life. Default 1 GiB. */
  readonly bytes: number;
  /** Seconds that one connection may last. Default 3,600. */
  readonly seconds: number;
}

/** How JavaScript modules are found in the workspace. */
export interface Resolver {
  readonly roots: readonly string[];
  readonly extensions: readonly string[];
  /** Whether `/x` in an import means `x` at the workspace's root. */
  readonly allowAbsoluteRepoImports: boolean;
}

export interface Runtime {
  /** Files are ES modules; `false` makes them scripts with `require`. */
  readonly esm: boolean;
  /** Scripts and REPL input run in strict mode. */
  readonly strict: boolean;
  /** `events`: console calls become `console` events; `stdio`: they are written to stdout and stderr; `off`: dropped. */
  readonly console: "events" | "stdio" | "off";
}

export interface Packages {
  readonly apt: readonly string[];
  readonly python: readonly string[];
  readonly node: readonly string[];
  readonly cargo: readonly string[];
}

/** The one truth about what is exposed to the code; everything else is denied. */
export interface Capability {
  readonly kind: "module" | "global" | "fs" | "net" | "env";
  readonly name: string;
  readonly enabled: boolean;
  readonly config: Readonly<Record<string, Json>>;
}

export interface StartupFile {
  readonly path: string;
  readonly order: number;
  /** `eval`: as REPL input, its globals stay; `import`: as a module or file. */
  readonly mode: "eval" | "import";
  /** Written to `path` before it runs. At most 1 MiB. */
  readonly content?: string | undefined;
  readonly language?: Language | undefined;
}

export interface SnapshotPolicy {
  readonly auto: "never" | "before_execution" | "after_success";
  readonly rollbackOnFailure: boolean;
  readonly keep: number;
}

export interface PoolSpec {
  readonly min: number;
  readonly max: number;
  readonly refillConcurrency: number;
}

/** A capability as it is given: what is left out is enabled and without configuration. */
export type CapabilityInput = Pick<Capability, "kind" | "name"> & Some<Omit<Capability, "kind" | "name">>;

/** A startup file as it is given: `order` 0 and `mode` `eval` unless said otherwise. */
export type StartupFileInput = Pick<StartupFile, "path"> & Some<Omit<StartupFile, "path">>;

export type NetworkInput = Pick<NetworkSpec, "mode"> &
  Some<Pick<NetworkSpec, "allow" | "exempt">> & { readonly limits?: Some<NetworkLimits> | undefined };

/** What a user may say of a template. */
export interface TemplateInput {
  readonly name: string;
  readonly isolation: Isolation;
  readonly image?: string | undefined;
  readonly languages?: readonly Language[] | undefined;
  readonly packages?: Some<Packages> | undefined;
  readonly limits?: Some<Limits> | undefined;
  /** The most a session or execution may ask for. Default: `limits`. */
  readonly maxLimits?: Some<Limits> | undefined;
  /** Whether a session may start although a limit cannot be applied. Default false. */
  readonly allowPartial?: boolean | undefined;
  readonly onOutputLimit?: "truncate" | "stop" | undefined;
  readonly network?: NetworkInput | undefined;
  /** Names of the tenant's secrets. Each is a variable of its name in the sandbox, which holds a placeholder. */
  readonly secrets?: readonly string[] | undefined;
  readonly resolver?: Some<Resolver> | undefined;
  readonly runtime?: Some<Runtime> | undefined;
  readonly modules?: readonly string[] | undefined;
  readonly libraries?: readonly string[] | undefined;
  readonly capabilities?: readonly CapabilityInput[] | undefined;
  readonly startupFiles?: readonly StartupFileInput[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly snapshots?: Some<SnapshotPolicy> | undefined;
  /** Prepare sandboxes for fast forks, where that makes a difference and costs a little memory. Default false. */
  readonly forkable?: boolean | undefined;
  /** Milliseconds without activity after which a session closes. Default 30 minutes. */
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds after which a session closes whatever it does. Default 24 hours. */
  readonly maxLifetimeMs?: number | undefined;
  readonly pool?: Some<PoolSpec> | undefined;
}

export type TemplatePatch = Some<TemplateInput>;

/** A template as stored: one version of it, with every default filled in. */
export interface Template {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly version: number;
  readonly isolation: Isolation;
  readonly image?: string;
  readonly languages: readonly Language[];
  readonly packages: Packages;
  readonly limits: Limits;
  readonly maxLimits: Limits;
  readonly allowPartial: boolean;
  readonly onOutputLimit: "truncate" | "stop";
  readonly network: NetworkSpec;
  readonly secrets: readonly string[];
  readonly resolver: Resolver;
  readonly runtime: Runtime;
  readonly modules: readonly string[];
  readonly libraries: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly startupFiles: readonly StartupFile[];
  readonly env: Readonly<Record<string, string>>;
  readonly snapshots: SnapshotPolicy;
  readonly forkable: boolean;
  readonly idleTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly pool: PoolSpec;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What templates may name. */
export interface Catalog {
  readonly modules: readonly { readonly name: string; readonly description: string }[];
  readonly libraries: readonly { readonly name: string; readonly global: string; readonly version: string }[];
  readonly languages: readonly { readonly name: Language; readonly isolations: readonly Isolation[] }[];
}
