import { z } from "zod";
import { Isolation, Language } from "./isolation.ts";
import { Limits } from "./limits.ts";
import { PoolSpec } from "./pool.ts";

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, '.', '_' and '-', 64 at most");
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "must not contain NUL");

export const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, "not a name of an environment variable");
export const Env = z
  .record(EnvName, text(131_072))
  .refine((env) => Object.keys(env).length <= 512, "at most 512 variables");

export const NetworkSpec = z.strictObject({
  mode: z.enum(["none", "allowlist", "open"]),
  /**
   * `host`, `host:port`, `*.host`, `*.host:port` (port 443 and 80 where none is named), or with methods and a path, for which TLS is opened:
   * `GET,HEAD https://host/path/*`. `*` at a path's end stands for anything; no methods: all.
   */
  allow: z.array(text(512)).max(256).default([]),
  /** Hosts (patterns as above, without methods and paths) whose TLS is never opened, because their clients pin certificates. They get no secrets. */
  exempt: z.array(text(512)).max(256).default([]),
  /** Of one session. */
  limits: z
    .strictObject({
      /** Connections at the same time. */
      connections: z.number().int().min(1).max(4096).default(64),
      /** Bytes in both directions, over the session's life. Default 1 GiB. */
      bytes: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(1_073_741_824),
      /** Seconds that one connection may last, and 60 of silence end it earlier. */
      seconds: z.number().int().min(1).max(86_400).default(3_600),
    })
    .prefault({}),
});
export type NetworkSpec = z.infer<typeof NetworkSpec>;

/** How JavaScript modules are found in the workspace. */
export const Resolver = z.strictObject({
  roots: z.array(text(1024)).min(1).max(32).default(["."]),
  extensions: z
    .array(z.string().regex(/^\.[a-z]{1,8}$/))
    .min(1)
    .max(16)
    .default([".js", ".mjs", ".ts"]),
  /** Whether `/x` in an import means `x` at the workspace's root. */
  allowAbsoluteRepoImports: z.boolean().default(false),
});
export type Resolver = z.infer<typeof Resolver>;

export const Runtime = z.strictObject({
  /** Files are ES modules; `false` makes them scripts with `require`. */
  esm: z.boolean().default(true),
  /** Scripts and REPL input run in strict mode. */
  strict: z.boolean().default(false),
  /** `events`: console calls become `console` events; `stdio`: they are written to stdout and stderr; `off`: dropped. */
  console: z.enum(["events", "stdio", "off"]).default("events"),
});
export type Runtime = z.infer<typeof Runtime>;

export const Packages = z.strictObject({
  apt: z.array(text(256)).max(256).default([]),
  python: z.array(text(256)).max(256).default([]),
  node: z.array(text(256)).max(256).default([]),
  cargo: z.array(text(256)).max(256).default([]),
});

/** The one truth about what is exposed to the code; everything else is denied. */
export const Capability = z.strictObject({
  kind: z.enum(["module", "global", "fs", "net", "env"]),
  name: text(256).min(1),
  enabled: z.boolean().default(true),
  config: z.record(z.string(), z.json()).default({}),
});
export type Capability = z.infer<typeof Capability>;

export const StartupFile = z.strictObject({
  path: text(4096).min(1),
  order: z.number().int().min(0).max(1_000_000).default(0),
  /** `eval`: as REPL input, its globals stay; `import`: as a module or file. */
  mode: z.enum(["eval", "import"]).default("eval"),
  /** Written to `path` before it runs, so that a template can carry its files itself. At most 1 MiB. */
  content: text(1_048_576).optional(),
  language: Language.optional(),
});
export type StartupFile = z.infer<typeof StartupFile>;

export const SnapshotPolicy = z.strictObject({
  auto: z.enum(["never", "before_execution", "after_success"]).default("never"),
  rollbackOnFailure: z.boolean().default(false),
  keep: z.number().int().min(0).max(1000).default(10),
});

/** What a user may say of a template. The short forms `modules`, `network` and `env` are stored as capabilities. */
export const TemplateInput = z.strictObject({
  name,
  isolation: Isolation,
  image: text(512).optional(),
  languages: z.array(Language).min(1).max(8).optional(),
  packages: Packages.optional(),
  limits: Limits.partial().optional(),
  /** The most a session or execution may ask for. Default: `limits`. */
  maxLimits: Limits.partial().optional(),
  /** Whether a session may start although a limit cannot be applied. Default false. */
  allowPartial: z.boolean().optional(),
  onOutputLimit: z.enum(["truncate", "stop"]).optional(),
  network: NetworkSpec.optional(),
  /** Names of the tenant's secrets. Each is a variable of its name in the sandbox, which holds a placeholder; the proxy knows the value. */
  secrets: z.array(EnvName).max(64).optional(),
  resolver: Resolver.optional(),
  runtime: Runtime.optional(),
  modules: z.array(text(256)).max(64).optional(),
  libraries: z.array(text(256)).max(64).optional(),
  capabilities: z.array(Capability).max(512).optional(),
  startupFiles: z.array(StartupFile).max(64).optional(),
  env: Env.optional(),
  snapshots: SnapshotPolicy.optional(),
  /** Prepare sandboxes for fast forks, where that makes a difference and costs a little memory. Default false. */
  forkable: z.boolean().optional(),
  /** Milliseconds without activity after which a session closes. Default 30 minutes. */
  idleTimeoutMs: z
    .number()
    .int()
    .min(1000)
    .max(30 * 86_400_000)
    .optional(),
  /** Milliseconds after which a session closes whatever it does. Default 24 hours. */
  maxLifetimeMs: z
    .number()
    .int()
    .min(1000)
    .max(365 * 86_400_000)
    .optional(),
  pool: PoolSpec.optional(),
});
export type TemplateInput = z.infer<typeof TemplateInput>;

export const TemplatePatch = TemplateInput.partial();
export type TemplatePatch = z.infer<typeof TemplatePatch>;

/** A template as stored: one version of it, with every default filled in. */
export const Template = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  name,
  version: z.number().int().min(1),
  isolation: Isolation,
  image: z.string().optional(),
  languages: z.array(Language),
  packages: Packages,
  limits: Limits,
  maxLimits: Limits,
  allowPartial: z.boolean(),
  onOutputLimit: z.enum(["truncate", "stop"]),
  network: NetworkSpec,
  secrets: z.array(z.string()).default([]),
  resolver: Resolver,
  runtime: Runtime,
  modules: z.array(z.string()),
  libraries: z.array(z.string()),
  capabilities: z.array(Capability),
  startupFiles: z.array(StartupFile),
  env: Env,
  snapshots: SnapshotPolicy,
  forkable: z.boolean().default(false),
  idleTimeoutMs: z.number().int(),
  maxLifetimeMs: z.number().int(),
  pool: PoolSpec,
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Template = z.infer<typeof Template>;
