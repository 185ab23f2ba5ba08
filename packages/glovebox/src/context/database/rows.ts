import type { DocumentKind, Scope } from "../document.ts";
import type { DocumentVersion } from "./messages.ts";

export interface VersionRow {
  readonly id: string;
  readonly tenant: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path: string | null;
  readonly pinned: number;
  readonly expires_ms: number | null;
  readonly version: number;
  readonly parent: number | null;
  readonly content_hash: string;
  readonly metadata: string;
  readonly origin: string;
  readonly created_at: string;
  readonly removed: number;
  readonly run: string | null;
  readonly restores: number | null;
}

/** What {@link toVersion} needs, of `d` (document) and `v` (version). */
export const VERSION_COLUMNS =
  "d.id, d.tenant, d.scope, d.kind, d.path, d.pinned, d.expires_ms, v.version, v.parent, v.content_hash, v.metadata, v.origin, v.created_at, v.removed, v.run, v.restores";

export function toVersion(row: VersionRow): DocumentVersion {
  return {
    id: row.id,
    tenantId: row.tenant,
    scope: row.scope,
    kind: row.kind,
    ...(row.path !== null && { path: row.path }),
    metadata: JSON.parse(row.metadata) as Readonly<Record<string, unknown>>,
    origin: row.origin,
    version: row.version,
    ...(row.parent !== null && { parentVersion: row.parent }),
    contentHash: row.content_hash,
    createdAt: row.created_at,
    ...(row.run !== null && { runId: row.run }),
    ...(row.restores !== null && { restores: row.restores }),
    ...(row.expires_ms !== null && { expiresAt: new Date(row.expires_ms).toISOString() }),
    pinned: row.pinned === 1,
    removed: row.removed === 1,
  };
}
