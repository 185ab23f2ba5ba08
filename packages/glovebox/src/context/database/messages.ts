import type { ContextDocument, DocumentInput, Scope } from "../document.ts";

/** A chunk made ready for the index. */
export interface PreparedChunk {
  readonly startLine: number;
  readonly endLine: number;
  readonly textHash: string;
  /** Its tokens with a blank between them. */
  readonly tokens: string;
  /** How many of them. */
  readonly words: number;
  /** Only where the embedder is computed here; others come later. */
  readonly vector?: PreparedVector;
}

export interface PreparedVector {
  readonly entries: Float32Array;
  /** A block of one. */
  readonly sketch: Uint8Array;
}

/** A document whose content is new, made ready by a reader's thread. */
export interface PreparedDocument {
  readonly id: string;
  readonly input: DocumentInput;
  readonly contentHash: string;
  /** Absent when the content was there already as the current version: then there is nothing to index, unless somebody changed it meanwhile. */
  readonly chunks?: readonly PreparedChunk[];
}

export interface SpaceName {
  readonly embedder: string;
  readonly model: string;
  readonly dimensions: number;
}

export interface WrittenDocument {
  readonly id: string;
  readonly version: number;
  readonly state: "inserted" | "updated" | "unchanged";
}

export interface AddResult {
  readonly revision: number;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly documents: readonly WrittenDocument[];
}

/** What a version says about itself, without its content. */
export type DocumentVersion = Omit<ContextDocument, "content"> & { readonly removed: boolean };

export interface ScopeSnapshot {
  readonly id: string;
  readonly tenantId: string;
  readonly scope: Scope;
  readonly name: string;
  readonly revision: number;
  readonly createdAt: string;
}
