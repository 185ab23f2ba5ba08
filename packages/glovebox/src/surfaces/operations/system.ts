import { z } from "zod";
import { Isolation, Language, Role, SessionLimits } from "../../core/schemas.ts";
import { queryBoolean } from "./fields.ts";
import { defineOperations, type ReadonlyDeep } from "./operation.ts";

const DriverCapabilitiesSchema = z.strictObject({
  snapshot: z.enum(["none", "files", "memory"]),
  fork: z.enum(["none", "files", "memory"]),
  pause: z.boolean(),
  tty: z.boolean(),
  network: z.boolean(),
  programs: z.boolean(),
  outlivesServer: z.boolean(),
  workspace: z.enum(["host", "guest"]),
  languages: z.array(Language),
  limits: z.array(SessionLimits.keyof()),
});

export const DoctorReport = z.strictObject({
  node: z.string(),
  platform: z.string(),
  kvm: z.boolean(),
  kvmReason: z.string().optional(),
  isolations: z.array(
    z.strictObject({
      name: Isolation,
      available: z.boolean(),
      version: z.string().optional(),
      reason: z.string().optional(),
      capabilities: DriverCapabilitiesSchema.optional(),
      startMs: z.number().optional(),
      notes: z.array(z.string()).optional(),
    }),
  ),
  languages: z.array(
    z.strictObject({
      name: Language,
      version: z.string(),
      isolations: z.array(Isolation),
    }),
  ),
  /** What a session gets that names no isolation, and why. */
  default: Isolation.optional(),
  why: z.string().optional(),
  ok: z.boolean(),
});
export type DoctorReport = ReadonlyDeep<z.infer<typeof DoctorReport>>;

const counts = z.record(z.string(), z.number().int());

export const Summary = z.strictObject({
  version: z.string(),
  uptimeMs: z.number(),
  tenantId: z.string(),
  sessions: z.strictObject({ total: z.number().int(), live: z.number().int(), byStatus: counts }),
  executions: z.strictObject({ byStatus: counts, queued: z.number().int(), running: z.number().int() }),
  /** The server process and its host, bytes. */
  memory: z.strictObject({ rssBytes: z.number(), hostTotalBytes: z.number(), hostFreeBytes: z.number() }),
});

export const ConfigReport = z.strictObject({
  file: z.string().optional(),
  values: z.array(
    z.strictObject({
      key: z.string(),
      value: z.unknown().optional(),
      source: z.enum(["default", "file", "environment", "flag"]),
    }),
  ),
});

export type ConfigReport = z.infer<typeof ConfigReport>;

export const Whoami = z.strictObject({
  tenantId: z.string(),
  tokenId: z.string(),
  name: z.string(),
  roles: z.array(Role),
  root: z.boolean(),
});

/** The server itself. */
export const systemOperations = defineOperations({
  "health.get": {
    method: "GET",
    path: "/v1/health",
    summary: "Whether the process answers",
    minimumRole: "public",
    answer: "json",
    status: 200,
    response: z.strictObject({ status: z.literal("ok"), version: z.string() }),
    sdk: "health",
    cli: { leftOut: "`glovebox doctor` tells more" },
  },
  "ready.get": {
    method: "GET",
    path: "/v1/ready",
    summary: "Whether the server takes work; 503 while it starts or shuts down",
    minimumRole: "public",
    answer: "json",
    status: 200,
    response: z.strictObject({ ready: z.literal(true) }),
    sdk: "ready",
    cli: { leftOut: "for load balancers" },
  },
  "summary.get": {
    method: "GET",
    path: "/v1/summary",
    summary: "Sessions and executions by status, and memory",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: Summary,
    sdk: "summary",
    cli: "summary",
  },
  "doctor.get": {
    method: "GET",
    path: "/v1/doctor",
    summary: "Which isolations and languages work on the server's machine, and why not",
    minimumRole: "viewer",
    query: z.strictObject({ fresh: queryBoolean.optional() }),
    answer: "json",
    status: 200,
    response: DoctorReport,
    sdk: "doctor",
    cli: "doctor",
  },
  "config.get": {
    method: "GET",
    path: "/v1/config",
    summary: "Effective configuration and where each value comes from",
    minimumRole: "operator",
    answer: "json",
    status: 200,
    response: ConfigReport,
    sdk: "config",
    cli: "config show",
  },
  "whoami.get": {
    method: "GET",
    path: "/v1/whoami",
    summary: "Whom the token stands for",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: Whoami,
    sdk: "whoami",
    cli: "token whoami",
  },
});
