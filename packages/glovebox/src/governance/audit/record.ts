import { hash } from "node:crypto";
import { type AuditEntry, canonicalJson, toTimestamp } from "../../core/index.ts";
import type { AuditCheckpoint, AuditRow } from "../../store/index.ts";

/** An entry in its place in a tenant's chain. */
export interface AuditRecord extends AuditEntry {
  /** From 1, without holes. */
  readonly seq: number;
  /** RFC 3339. */
  readonly ts: string;
  /** The hash of the record before; 64 zeros for the first. */
  readonly prevHash: string;
  /** SHA-256, hex, of the canonical JSON of everything else in the record. */
  readonly hash: string;
}

/** Where a chain stands: the next record hangs here. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

export const GENESIS: ChainHead = { seq: 0, hash: "0".repeat(64) };

export function hashText(text: string): string {
  return hash("sha256", text, "hex");
}

/** Hangs an entry behind `head`. */
export function toRow(entry: AuditEntry, ts: number, head: ChainHead): AuditRow {
  const seq = head.seq + 1;
  const doc = canonicalJson({ ...entry, seq, ts: toTimestamp(ts), prevHash: head.hash });
  return { tenantId: entry.tenantId, seq, ts, doc, hash: hashText(doc) };
}

/** What was stored, whatever has become of it; verifying tells whether it is what it was. */
export function toRecord(row: AuditRow): AuditRecord {
  return { ...(JSON.parse(row.doc) as Omit<AuditRecord, "hash">), hash: row.hash };
}

/** Says of the newest row that goes what the oldest that stays must name. */
export function toCheckpoint(newestGone: AuditRow, atMs: number): AuditCheckpoint {
  const { tenantId, seq, hash } = newestGone;
  const doc = canonicalJson({ kind: "audit-checkpoint", tenantId, seq, hash, at: toTimestamp(atMs) });
  return { tenantId, seq, doc, hash: hashText(doc) };
}

/** Where the oldest row that is left hangs; `undefined` when the checkpoint is not what was written. */
export function headOf(checkpoint: AuditCheckpoint): ChainHead | undefined {
  if (hashText(checkpoint.doc) !== checkpoint.hash) return undefined;
  const { tenantId, seq, hash } = JSON.parse(checkpoint.doc) as Record<string, unknown>;
  const isSame = tenantId === checkpoint.tenantId && seq === checkpoint.seq && typeof hash === "string";
  return isSame ? { seq: checkpoint.seq, hash } : undefined;
}
