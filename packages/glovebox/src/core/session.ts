import { z } from "zod";
import { Isolation, Language } from "./isolation.ts";
import { SessionLimits } from "./limits.ts";
import { Env } from "./template.ts";

export const SessionStatus = z.enum(["starting", "ready", "paused", "crashed", "closing", "closed", "lost"]);
export type SessionStatus = z.infer<typeof SessionStatus>;

export const WorkspaceInput = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("empty") }),
  /** A copy of a folder on the server's host; only for the root token and in-process use. */
  z.strictObject({ kind: z.literal("dir"), source: z.string().min(1).max(4096) }),
  /** A git repository on the server's host (a path or file:// URL) at `ref`. */
  z.strictObject({ kind: z.literal("git"), source: z.string().min(1).max(4096), ref: z.string().max(256).optional() }),
  /** A tar archive, base64. */
  z.strictObject({ kind: z.literal("archive"), source: z.string().min(1) }),
]);
export type WorkspaceInput = z.infer<typeof WorkspaceInput>;

export const Metadata = z
  .record(z.string().min(1).max(64), z.string().max(1024))
  .refine((value) => Object.keys(value).length <= 64, "at most 64 entries");

export const SessionInput = z.strictObject({
  /** A template's id or name. Without it, the ready-made one that fits `isolation` and `languages`. */
  template: z.string().min(1).max(64).optional(),
  isolation: Isolation.optional(),
  languages: z.array(Language).min(1).max(8).optional(),
  key: z.string().min(1).max(256).optional(),
  /** With `key`: return the open session that has it. */
  reuse: z.boolean().optional(),
  workspace: WorkspaceInput.optional(),
  env: Env.optional(),
  limits: SessionLimits.partial().optional(),
  allowPartial: z.boolean().optional(),
  /** Instead of the template's. */
  forkable: z.boolean().optional(),
  idleTimeoutMs: z.number().int().min(1000).optional(),
  maxLifetimeMs: z.number().int().min(1000).optional(),
  metadata: Metadata.optional(),
});
export type SessionInput = z.infer<typeof SessionInput>;

export const PauseInput = z.strictObject({
  /** Give the memory back, too, and keep everything on disk. Default: it only stops using CPU. */
  release: z.boolean().optional(),
});

export const AppliedLimitSchema = z.strictObject({
  limit: z.string(),
  requested: z.union([z.number(), z.string()]),
  applied: z.union([z.number(), z.string(), z.null()]),
  mechanism: z.string(),
  reason: z.string().optional(),
});

export const Session = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  key: z.string().optional(),
  templateId: z.string(),
  templateVersion: z.number().int(),
  isolation: Isolation,
  status: SessionStatus,
  workspace: z.strictObject({
    kind: z.enum(["empty", "dir", "git", "archive"]),
    source: z.string().optional(),
    baseCommit: z.string().optional(),
  }),
  limitsApplied: z.array(AppliedLimitSchema),
  languages: z.array(Language),
  env: Env,
  nodeId: z.string(),
  createdAt: z.string(),
  readyAt: z.string().optional(),
  lastActivityAt: z.string(),
  expiresAt: z.string().optional(),
  idleTimeoutMs: z.number().int(),
  closedAt: z.string().optional(),
  closedBy: z.string().optional(),
  restartReason: z.string().optional(),
  lastError: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  parentSessionId: z.string().optional(),
  forkedFromSnapshotId: z.string().optional(),
  /** Whether its sandbox is prepared for fast forks, where that makes a difference. Absent: as its template says. */
  forkable: z.boolean().optional(),
  /** Its programs reach what the server itself offers them, whatever the template's network; a run asked for it. */
  services: z.literal(true).optional(),
  metadata: Metadata,
});
export type Session = z.infer<typeof Session>;
