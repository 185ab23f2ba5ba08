import { z } from "zod";
import { DOCUMENT_KINDS, DocumentInputSchema, PastState, ScopeSchema, SearchInput } from "../../context/index.ts";
import { PageQuery, page, queryInt, queryList, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

/** 32 hexadecimal digits, made from what the document is. */
const DocumentId = z.string().regex(/^[0-9a-f]{32}$/, "not a document's id");
const DocumentParams = z.strictObject({ id: DocumentId });
const SnapshotParams = z.strictObject({ id: z.string().min(1).max(64) });

const Version = z.strictObject({
  id: DocumentId,
  tenantId: z.string(),
  scope: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  path: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()),
  origin: z.string(),
  version: z.number().int(),
  parentVersion: z.number().int().optional(),
  /** SHA-256, hex. */
  contentHash: z.string(),
  createdAt: z.string(),
  /** The run whose step, or whose rollback, wrote it. */
  runId: z.string().optional(),
  /** That run's rollback wrote it, to bring back this version; 0: that there was none. */
  restores: z.number().int().optional(),
  expiresAt: z.string().optional(),
  pinned: z.boolean(),
});
const EndedVersion = Version.extend({
  /** It ends the document. */
  removed: z.boolean(),
});
const Document = Version.extend({ content: z.string() });

const Written = z.strictObject({
  id: DocumentId,
  version: z.number().int(),
  state: z.enum(["inserted", "updated", "unchanged"]),
});
const Added = z.strictObject({
  /** Of the store: what `at` takes. */
  revision: z.number().int(),
  inserted: z.number().int(),
  updated: z.number().int(),
  unchanged: z.number().int(),
  documents: z.array(Written),
});

const Hit = z.strictObject({
  id: DocumentId,
  scope: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  path: z.string().optional(),
  lines: z.strictObject({ start: z.number().int(), end: z.number().int() }),
  version: z.number().int(),
  origin: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  chunk: z.string(),
  score: z.number(),
  denseScore: z.number().optional(),
  sparseScore: z.number().optional(),
  denseRank: z.number().int().optional(),
  sparseRank: z.number().int().optional(),
});
const Found = z.strictObject({
  hits: z.array(Hit),
  strategy: z.enum(["dense", "sparse", "parallel"]),
  /** Only words were searched, and why. */
  wordsOnly: z
    .strictObject({
      reason: z.enum(["indexing", "embedder"]),
      message: z.string(),
      /** Vectors that are still to be made. */
      left: z.number().int().optional(),
    })
    .optional(),
});

const Conflict = z.strictObject({ line: z.number().int(), ours: z.string(), base: z.string(), theirs: z.string() });
const Merge = z.strictObject({
  content: z.string(),
  /** The version that the content was made from. */
  basedOn: z.number().int().min(1),
  origin: z.string().min(1).max(256),
  metadata: DocumentInputSchema.shape.metadata,
  strategy: z.literal("three_way").default("three_way"),
  /** `mark`: with conflicts both sides are written, between marks. */
  onConflict: z.enum(["refuse", "mark"]).default("refuse"),
});

const Snapshot = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  scope: z.string(),
  name: z.string(),
  revision: z.number().int(),
  createdAt: z.string(),
});

/** One point in the store's past, in a query: at most one of them. */
const At = {
  /** A revision of the store. */
  revision: queryInt(0, Number.MAX_SAFE_INTEGER).optional(),
  /** RFC 3339 */
  time: z.iso.datetime({ offset: true }).optional(),
  snapshot: z.string().min(1).max(64).optional(),
  /** What was pinned for the run. */
  run: z.string().min(1).max(128).optional(),
};

/** What agents know about a project: see the page on the context store. */
export const contextOperations = defineOperations({
  "context.add": {
    method: "POST",
    path: "/v1/context/documents",
    summary: "Write documents, all or none; what is there already with the same content stays as it is",
    minimumRole: "agent",
    body: z.strictObject({ documents: z.array(DocumentInputSchema).min(1).max(1_000) }),
    answer: "json",
    status: 200,
    response: Added,
    sdk: "context.add",
    cli: "context add",
  },
  "context.list": {
    method: "GET",
    path: "/v1/context/documents",
    summary: "List documents by id, without their content",
    minimumRole: "viewer",
    query: PageQuery.extend({
      ...At,
      scopes: queryList(ScopeSchema).optional(),
      filter: z.string().max(16_384).optional(),
    }),
    answer: "json",
    status: 200,
    response: page(EndedVersion),
    sdk: "context.list",
    cli: "context list",
  },
  "context.get": {
    method: "GET",
    path: "/v1/context/documents/{id}",
    summary: "Read a document: the current version, one by its number, or the one of a past state",
    minimumRole: "viewer",
    params: DocumentParams,
    query: z.strictObject({ ...At, version: queryInt(1, Number.MAX_SAFE_INTEGER).optional() }),
    answer: "json",
    status: 200,
    response: Document,
    sdk: "context.get",
    cli: "context show",
  },
  "context.history": {
    method: "GET",
    path: "/v1/context/documents/{id}/versions",
    summary: "List a document's versions, newest first",
    minimumRole: "viewer",
    params: DocumentParams,
    answer: "json",
    status: 200,
    response: whole(EndedVersion),
    sdk: "context.history",
    cli: "context history",
  },
  "context.remove": {
    method: "DELETE",
    path: "/v1/context/documents/{id}",
    summary: "End a document; what it was stays readable",
    minimumRole: "agent",
    params: DocumentParams,
    query: z.strictObject({ basedOn: queryInt(1, Number.MAX_SAFE_INTEGER).optional() }),
    answer: "json",
    status: 200,
    response: Written,
    sdk: "context.remove",
    cli: "context remove",
  },
  "context.merge": {
    method: "POST",
    path: "/v1/context/documents/{id}/merge",
    summary: "Bring in a content that was made from an older version, by a three-way merge",
    minimumRole: "agent",
    params: DocumentParams,
    body: Merge,
    answer: "json",
    status: 200,
    response: z.strictObject({ written: Written.optional(), content: z.string(), conflicts: z.array(Conflict) }),
    sdk: "context.merge",
    cli: "context merge",
  },
  "context.pin": {
    method: "POST",
    path: "/v1/context/documents/{id}/pin",
    summary: "Keep a document, with all its versions, whatever expires or is compacted; or let it go",
    minimumRole: "agent",
    params: DocumentParams,
    body: z.strictObject({ pinned: z.boolean() }),
    answer: "none",
    status: 204,
    sdk: "context.pin",
    cli: "context pin",
  },
  "context.search": {
    method: "POST",
    path: "/v1/context/search",
    summary: "Find pieces of documents by words, by nearness, or both",
    minimumRole: "viewer",
    body: SearchInput,
    answer: "json",
    status: 200,
    response: Found,
    sdk: "context.search",
    cli: "context query",
  },
  "context.snapshots.create": {
    method: "POST",
    path: "/v1/context/snapshots",
    summary: "Remember a scope as it is",
    minimumRole: "agent",
    body: z.strictObject({ scope: ScopeSchema.default("global"), name: z.string().min(1).max(128) }),
    answer: "json",
    status: 201,
    response: Snapshot,
    sdk: "context.snapshot",
    cli: "context snapshot create",
  },
  "context.snapshots.list": {
    method: "GET",
    path: "/v1/context/snapshots",
    summary: "List the snapshots of scopes, oldest first",
    minimumRole: "viewer",
    query: z.strictObject({ scope: ScopeSchema.optional() }),
    answer: "json",
    status: 200,
    response: whole(Snapshot),
    sdk: "context.snapshots",
    cli: "context snapshot list",
  },
  "context.snapshots.delete": {
    method: "DELETE",
    path: "/v1/context/snapshots/{id}",
    summary: "Forget a snapshot; documents stay as they are",
    minimumRole: "agent",
    params: SnapshotParams,
    answer: "none",
    status: 204,
    sdk: "context.deleteSnapshot",
    cli: "context snapshot delete",
  },
  "context.rollback": {
    method: "POST",
    path: "/v1/context/rollback",
    summary: "Bring a scope back to a past state by new versions; what was in between stays readable",
    minimumRole: "developer",
    body: z.strictObject({ scope: ScopeSchema.default("global"), to: PastState, origin: z.string().min(1).max(256) }),
    answer: "json",
    status: 200,
    response: Added,
    sdk: "context.rollback",
    cli: "context rollback",
  },
  "context.compact": {
    method: "POST",
    path: "/v1/context/compact",
    summary: "Forget versions that ended before a time and that no snapshot, pin or run holds",
    minimumRole: "admin",
    body: z.strictObject({ before: z.iso.datetime({ offset: true }) }),
    answer: "json",
    status: 200,
    response: z.strictObject({
      versions: z.number().int(),
      chunks: z.number().int(),
      contents: z.number().int(),
    }),
    sdk: "context.compact",
    cli: "context compact",
  },
  "context.changes": {
    method: "GET",
    path: "/v1/context/changes",
    summary: "Follow what changes in a scope, live",
    minimumRole: "viewer",
    query: z.strictObject({
      scope: ScopeSchema.default("global"),
      /** Only what changed after this revision of the store. Default: what changes from now on. */
      afterSeq: queryInt(0, Number.MAX_SAFE_INTEGER).optional(),
    }),
    answer: "sse",
    status: 200,
    sdk: "context.changes",
    cli: "context watch",
  },
});
