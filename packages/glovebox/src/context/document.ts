import { hash } from "node:crypto";
import { canonicalJson } from "../core/index.ts";

export const DOCUMENT_KINDS = [
  "code",
  "text",
  "test_result",
  "diff_summary",
  "coverage",
  "lesson",
  "transcript",
] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** Whose a document is: everybody's of the tenant, or a session's, a task's or a run's. */
export type Scope = "global" | `session:${string}` | `task:${string}` | `run:${string}`;

/** `global`, or a kind and an id of 1 to 128 letters, digits, `.`, `_` and `-`. */
export const SCOPE = /^(global|(session|task|run):[A-Za-z0-9._-]{1,128})$/;

/** One version of a document. Times are RFC 3339. */
export interface ContextDocument {
  /** The same for ever: made from tenant, scope, kind and path (without a path: from the content of its first version). */
  readonly id: string;
  readonly tenantId: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path?: string;
  readonly content: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Who or what it comes from. */
  readonly origin: string;
  /** From 1. */
  readonly version: number;
  readonly parentVersion?: number;
  /** SHA-256 of the content, hex. */
  readonly contentHash: string;
  /** Of this version. */
  readonly createdAt: string;
  /** The run whose step, or whose rollback, wrote this version. */
  readonly runId?: string;
  /** A rollback of {@link runId} wrote it, to bring back that version; 0: that there was none. */
  readonly restores?: number;
  /** Not found any more from then on. */
  readonly expiresAt?: string;
  /** Kept by `compact`, with all its versions, and whatever it is that expires. */
  readonly pinned: boolean;
}

export interface DocumentInput {
  /** Default `global`. */
  readonly scope?: Scope;
  readonly kind: DocumentKind;
  /** Relative, with `/`. */
  readonly path?: string;
  readonly content: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly origin: string;
  /** The version that this one replaces, 0 for none: `conflict` when another one is current, unless that one is the same as this. Default: whatever is current. */
  readonly basedOn?: number;
  readonly expiresAt?: string;
  readonly pinned?: boolean;
}

/** Bytes of a document's content in UTF-8. */
export const MAX_CONTENT_BYTES = 4 * 1024 * 1024;

export function contentHash(content: string): string {
  return hash("sha256", content);
}

/** 32 hexadecimal digits. */
export function documentId(tenantId: string, { scope = "global", kind, path, content }: DocumentInput): string {
  const identity = path === undefined ? { content: contentHash(content) } : { path };
  return hash("sha256", canonicalJson({ tenantId, scope, kind, ...identity })).slice(0, 32);
}
