import type { Page } from "../store/index.ts";
import type { Compacted } from "./database/compact.ts";
import type { AddResult, DocumentVersion, ScopeSnapshot, WrittenDocument } from "./database/messages.ts";
import type { ContextDocument, DocumentInput, Scope } from "./document.ts";
import type { MergeConflict } from "./merge/three-way.ts";
import type { SearchHit, Strategy } from "./search/query.ts";
import type { PastState, SearchInput } from "./search/search-input.ts";
import type { TakenBack } from "./take-back.ts";

export interface WordsOnly {
  readonly reason: "indexing" | "embedder";
  readonly message: string;
  readonly left?: number;
}

export interface SearchResult {
  /** Best first; equal scores by the document's id. */
  readonly hits: readonly SearchHit[];
  /** What `auto` came to. */
  readonly strategy: Exclude<Strategy, "auto">;
  /** Only words were searched, and why: vectors are still being made (so many are left), or the embedder does not answer. */
  readonly wordsOnly?: WordsOnly;
}

export interface MergeInput {
  readonly content: string;
  /** The version that the content was made from: the common ancestor. */
  readonly basedOn: number;
  readonly origin: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The only one there is. */
  readonly strategy?: "three_way";
  /** `refuse` (default): with conflicts nothing is written. `mark`: what is written has both sides, between marks. */
  readonly onConflict?: "refuse" | "mark";
}

export interface MergeResult {
  /** What was written; absent when conflicts kept it from being. */
  readonly written?: WrittenDocument;
  readonly content: string;
  readonly conflicts: readonly MergeConflict[];
}

export interface ContextChange extends DocumentVersion {
  /** Of the store: where to go on from. */
  readonly revision: number;
}

export interface ListDocuments {
  readonly scopes?: readonly Scope[];
  readonly filter?: unknown;
  readonly at?: PastState;
  readonly cursor?: string;
  /** 1 to 1,000; default 50. */
  readonly limit?: number;
}

/** Who writes, and until when it is wanted. */
export interface WriteOptions {
  /** The run whose step writes: what it wrote can be taken back with it. */
  readonly runId?: string;
  readonly signal?: AbortSignal;
}

/** What agents know about a project: documents with versions, found by words and by nearness. Everything written is on disk when it resolves. */
export interface ContextStore extends AsyncDisposable {
  /** All or none. `conflict` when one is based on a version that is not current; `payload_too_large`, `invalid_argument`. */
  add(tenantId: string, inputs: readonly DocumentInput[], options?: WriteOptions): Promise<AddResult>;
  /** `not_found` when there is none, or none at that time. */
  get(
    tenantId: string,
    id: string,
    choice?: { readonly version?: number; readonly at?: PastState },
  ): Promise<ContextDocument>;
  /** By id. */
  list(tenantId: string, query?: ListDocuments): Promise<Page<DocumentVersion>>;
  /** Newest first, 1,000 at the most. */
  history(tenantId: string, id: string): Promise<readonly DocumentVersion[]>;
  /** Ends a document; what it was stays readable. */
  remove(
    tenantId: string,
    id: string,
    options: WriteOptions & { readonly origin: string; readonly basedOn?: number },
  ): Promise<WrittenDocument>;
  /** Brings in a content that was made from an older version. */
  merge(tenantId: string, id: string, input: MergeInput): Promise<MergeResult>;
  pin(tenantId: string, id: string, pinned: boolean): Promise<void>;
  search(tenantId: string, input: SearchInput, signal?: AbortSignal): Promise<SearchResult>;
  /** Remembers a scope as it is. */
  snapshot(tenantId: string, scope: Scope, name: string): Promise<ScopeSnapshot>;
  snapshots(tenantId: string, scope?: Scope): Promise<readonly ScopeSnapshot[]>;
  deleteSnapshot(tenantId: string, id: string): Promise<void>;
  /** Writes versions that bring a scope back to a past state. Nothing is lost: what was in between stays readable. */
  rollback(tenantId: string, scope: Scope, to: PastState, origin: string): Promise<AddResult>;
  /**
   * Takes back what a run wrote after a revision, by new versions, in as many writes as it needs. What somebody else wrote on top of it stays, and is told. Doing it again changes nothing and tells the
   * same, so that one that was cut short can be done once more.
   */
  takeBack(tenantId: string, runId: string, afterRevision: number, signal?: AbortSignal): Promise<TakenBack>;
  /** Of the whole store, of this moment; 0 when nothing was ever written. */
  revision(): Promise<number>;
  /** From now on `at: {run}` means the state of this moment, or of the revision; `compact` keeps it. */
  pinRun(tenantId: string, runId: string, revision?: number): Promise<number>;
  unpinRun(tenantId: string, runId: string): Promise<void>;
  /** Forgets versions that ended before a time and that no snapshot or pin holds. */
  compact(tenantId: string | undefined, before: string): Promise<Compacted>;
  /** Every change of a scope after a revision (default: from now on), as it is written, until the signal aborts. A document that changes several times between two looks comes once. */
  changes(
    tenantId: string,
    scope: Scope,
    options?: { readonly afterRevision?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<ContextChange>;
  counts(tenantId: string): Promise<{ readonly documents: number; readonly versions: number; readonly chunks: number }>;
}
