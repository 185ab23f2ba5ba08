import type { SpaceName } from "../database/messages.ts";
import type { DocumentKind, Scope } from "../document.ts";
import type { Filter } from "../filters/filter.ts";

export const STRATEGIES = ["auto", "dense", "sparse", "parallel"] as const;
export type Strategy = (typeof STRATEGIES)[number];
export const FUSIONS = ["rrf", "weighted", "max"] as const;
export type Fusion = (typeof FUSIONS)[number];

/** A search as a reader's thread does it: everything that was left open is decided. */
export interface PreparedQuery {
  readonly tenantId: string;
  /** Absent: all of the tenant. */
  readonly scopes?: readonly Scope[];
  readonly filter?: Filter;
  /** Absent: no search by words. */
  readonly tokens?: readonly string[];
  /** Absent: no search by nearness. */
  readonly dense?: { readonly space: SpaceName; readonly vector: Float32Array };
  readonly fusion: Fusion;
  readonly weights: { readonly dense: number; readonly sparse: number };
  readonly k: number;
  readonly rerankFactor: number;
  /** The past state to search; absent: the present one. */
  readonly atRevision?: number;
  readonly nowMs: number;
}

/** A piece of a document that was found. Of the two sides, what is absent did not find it. */
export interface SearchHit {
  readonly id: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path?: string;
  /** From 1, both included. */
  readonly lines: { readonly start: number; readonly end: number };
  readonly version: number;
  readonly origin: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The text of these lines. */
  readonly chunk: string;
  readonly score: number;
  /** Cosine, -1 to 1. */
  readonly denseScore?: number;
  /** BM25, more is better. */
  readonly sparseScore?: number;
  /** From 1. */
  readonly denseRank?: number;
  readonly sparseRank?: number;
}
