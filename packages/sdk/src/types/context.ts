import type { Json } from "./json.ts";
import type { PageRequest } from "./page.ts";

export type ContextKind = "code" | "text" | "test_result" | "diff_summary" | "coverage" | "lesson" | "transcript";

/** A document to be written. */
export interface ContextDocumentInput {
  /** `global` (default), `session:ID`, `task:ID` or `run:ID`. */
  readonly scope?: string | undefined;
  readonly kind: ContextKind;
  /** Relative, with `/`. */
  readonly path?: string | undefined;
  readonly content: string;
  readonly metadata?: Readonly<Record<string, Json>> | undefined;
  /** Who or what it comes from. */
  readonly origin: string;
  /** The version that it replaces, 0 for none; default: whatever is current. */
  readonly basedOn?: number | undefined;
  /** RFC 3339 */
  readonly expiresAt?: string | undefined;
  readonly pinned?: boolean | undefined;
}

/** What a version of a document says about itself. */
export interface ContextVersion {
  readonly id: string;
  readonly tenantId: string;
  readonly scope: string;
  readonly kind: ContextKind;
  readonly path?: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly origin: string;
  readonly version: number;
  readonly parentVersion?: number | undefined;
  readonly contentHash: string;
  readonly createdAt: string;
  /** The run whose step, or whose rollback, wrote it. */
  readonly runId?: string | undefined;
  /** That run's rollback wrote it, to bring back this version; 0: that there was none. */
  readonly restores?: number | undefined;
  readonly expiresAt?: string | undefined;
  readonly pinned: boolean;
  /** It ends the document. */
  readonly removed: boolean;
}

export interface ContextDocument extends Omit<ContextVersion, "removed"> {
  readonly content: string;
}

/** A change, with the store's revision to go on from. */
export interface ContextChange extends ContextVersion {
  readonly revision: number;
}

export interface ContextWritten {
  readonly id: string;
  readonly version: number;
  readonly state: "inserted" | "updated" | "unchanged";
}

export interface ContextAdded {
  readonly revision: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly documents: readonly ContextWritten[];
}

/** A past state of the store: one of them. */
export interface ContextPast {
  readonly revision?: number | undefined;
  readonly time?: string | undefined;
  readonly snapshot?: string | undefined;
  /** What was pinned for the run. */
  readonly run?: string | undefined;
}

export interface ContextFilter extends PageRequest, ContextPast {
  readonly scopes?: readonly string[] | undefined;
  /** `key=value …`, or JSON as text. */
  readonly filter?: string | undefined;
}

export interface ContextSearch {
  readonly query: string;
  /** Instead of the query's own. */
  readonly vector?: readonly number[] | undefined;
  readonly scopes?: readonly string[] | undefined;
  /** JSON, or `key=value …`. */
  readonly filter?: unknown;
  readonly strategy?: "auto" | "dense" | "sparse" | "parallel" | undefined;
  readonly fusion?: "rrf" | "weighted" | "max" | undefined;
  readonly weights?: { readonly dense: number; readonly sparse: number } | undefined;
  /** 1 to 100; default 10. */
  readonly k?: number | undefined;
  readonly rerankFactor?: number | undefined;
  readonly at?:
    | { readonly revision: number }
    | { readonly time: string }
    | { readonly snapshot: string }
    | { readonly run: string }
    | undefined;
}

export interface ContextHit {
  readonly id: string;
  readonly scope: string;
  readonly kind: ContextKind;
  readonly path?: string | undefined;
  readonly lines: { readonly start: number; readonly end: number };
  readonly version: number;
  readonly origin: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly chunk: string;
  readonly score: number;
  readonly denseScore?: number | undefined;
  readonly sparseScore?: number | undefined;
  readonly denseRank?: number | undefined;
  readonly sparseRank?: number | undefined;
}

export interface ContextFound {
  readonly hits: readonly ContextHit[];
  readonly strategy: "dense" | "sparse" | "parallel";
  /** Only words were searched: vectors are still being made (so many are left), or the embedder does not answer. */
  readonly wordsOnly?:
    | { readonly reason: "indexing" | "embedder"; readonly message: string; readonly left?: number | undefined }
    | undefined;
}

export interface ContextMerge {
  readonly content: string;
  /** The version that the content was made from. */
  readonly basedOn: number;
  readonly origin: string;
  readonly metadata?: Readonly<Record<string, Json>> | undefined;
  readonly strategy?: "three_way" | undefined;
  /** `mark`: with conflicts both sides are written, between marks. Default `refuse`. */
  readonly onConflict?: "refuse" | "mark" | undefined;
}

export interface ContextMerged {
  /** Absent when conflicts kept it from being written. */
  readonly written?: ContextWritten | undefined;
  readonly content: string;
  readonly conflicts: readonly {
    readonly line: number;
    readonly ours: string;
    readonly base: string;
    readonly theirs: string;
  }[];
}

export interface ContextSnapshot {
  readonly id: string;
  readonly tenantId: string;
  readonly scope: string;
  readonly name: string;
  readonly revision: number;
  readonly createdAt: string;
}

export interface ContextCompacted {
  readonly versions: number;
  readonly chunks: number;
  readonly contents: number;
}
