/** What agents know about a project: documents with versions, found by words and by nearness. */
export type {
  ContextChange,
  ContextStore,
  ListDocuments,
  MergeInput,
  MergeResult,
  SearchResult,
  WriteOptions,
} from "./context-store.ts";
export type { AddResult, DocumentVersion, ScopeSnapshot, WrittenDocument } from "./database/messages.ts";
export { type ContextDocument, DOCUMENT_KINDS, type DocumentInput, type DocumentKind, type Scope } from "./document.ts";
export { DocumentInputSchema, ScopeSchema } from "./document-input.ts";
export { mergeThreeWay } from "./merge/three-way.ts";
export { type ContextStoreOptions, openContextStore } from "./open-context-store.ts";
export { PastState, SearchInput } from "./search/search-input.ts";
export type { TakeBackConflict, TakenBack } from "./take-back.ts";
