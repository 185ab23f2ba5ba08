import { type Clock, GloveboxError, isGloveboxError, newId } from "../core/index.ts";
import type { Embedder } from "../models/index.ts";
import type { Page } from "../store/index.ts";
import type {
  ContextChange,
  ContextStore,
  ListDocuments,
  MergeInput,
  MergeResult,
  SearchResult,
  WriteOptions,
} from "./context-store.ts";
import type { Compacted } from "./database/compact.ts";
import type {
  AddResult,
  DocumentVersion,
  PreparedDocument,
  ScopeSnapshot,
  WrittenDocument,
} from "./database/messages.ts";
import type { VersionChoice } from "./database/reader.ts";
import type { Change } from "./database/writer.ts";
import type { ContextDocument, DocumentInput, Scope } from "./document.ts";
import { parseDocuments } from "./document-input.ts";
import { type EmbeddingQueue, spaceOf } from "./embedders/embedding-queue.ts";
import { parseFilter } from "./filters/filter.ts";
import { mergeThreeWay } from "./merge/three-way.ts";
import { ScopeChanges } from "./scope-changes.ts";
import { search } from "./search/search.ts";
import type { PastState, SearchInput } from "./search/search-input.ts";
import { type TakenBack, takeBackRun } from "./take-back.ts";
import type { ContextThread } from "./worker/context-thread.ts";
import type { WriterMethods } from "./worker/messages.ts";
import type { ReaderPool } from "./worker/reader-pool.ts";

/** For reading a batch of documents: hostile text may keep a parser for ever. */
const PREPARE_LIMIT_MS = 60_000;
/** Documents that one thread reads alone. */
const MIN_SHARE = 50;
/** How often a write is tried again that somebody else's came in between of. */
const MAX_ATTEMPTS = 5;
const MAX_HISTORY = 1_000;
const PAGE = 500;

/** A document to be put, and which version that brings back. */
interface Put {
  readonly input: DocumentInput;
  readonly restores?: number;
}

/** Changes of one transaction. */
export interface ContextWrite {
  readonly puts: readonly Put[];
  readonly removals?: readonly Extract<Change, { kind: "remove" }>[];
  /** Whoever follows them is told. */
  readonly scopes: readonly Scope[];
}

export interface EmbeddedParts {
  readonly writer: ContextThread<WriterMethods>;
  readonly readers: ReaderPool;
  readonly embedder: Embedder;
  /** Absent where the embedder is computed while writing. */
  readonly queue: EmbeddingQueue | undefined;
  readonly clock: Clock;
}

/** The context store in a database of its own beside the SQLite store: one thread writes, others read. */
export class EmbeddedContextStore implements ContextStore {
  readonly #parts: EmbeddedParts;
  readonly #changes = new ScopeChanges();

  constructor(parts: EmbeddedParts) {
    this.#parts = parts;
  }

  async add(tenantId: string, inputs: readonly DocumentInput[], options?: WriteOptions): Promise<AddResult> {
    const parsed = parseDocuments(inputs);
    const scopes = parsed.map(({ scope = "global" }) => scope);
    return this.#write(tenantId, { puts: parsed.map((input) => ({ input })), scopes }, options);
  }

  async get(
    tenantId: string,
    id: string,
    choice: { readonly version?: number; readonly at?: PastState } = {},
  ): Promise<ContextDocument> {
    const atRevision = await this.#revisionOf(tenantId, choice.at);
    const wanted: VersionChoice = {
      ...(choice.version !== undefined && { version: choice.version }),
      ...(atRevision !== undefined && { atRevision }),
    };
    const document = await this.#parts.readers.call({}, "get", tenantId, id, wanted);
    return document ?? Promise.reject(noDocument(id));
  }

  async list(tenantId: string, query: ListDocuments = {}): Promise<Page<DocumentVersion>> {
    const { scopes, cursor = "", limit = 50 } = query;
    const filter = parseFilter(query.filter);
    const atRevision = await this.#revisionOf(tenantId, query.at);
    const items = await this.#parts.readers.call({}, "documents", {
      tenantId,
      ...(scopes !== undefined && { scopes }),
      ...(filter !== undefined && { filter }),
      ...(atRevision !== undefined && { atRevision }),
      afterId: cursor,
      limit: limit + 1,
    });
    const next = items.length > limit ? items[limit - 1]?.id : undefined;
    return { items: items.slice(0, limit), ...(next !== undefined && { nextCursor: next }) };
  }

  async history(tenantId: string, id: string): Promise<readonly DocumentVersion[]> {
    const versions = await this.#parts.readers.call({}, "history", tenantId, id, MAX_HISTORY);
    if (versions.length === 0) throw noDocument(id);
    return versions;
  }

  async remove(
    tenantId: string,
    id: string,
    { origin, basedOn, ...options }: WriteOptions & { readonly origin: string; readonly basedOn?: number },
  ): Promise<WrittenDocument> {
    const { scope } = await this.get(tenantId, id);
    const removal = { kind: "remove", id, origin, ...(basedOn !== undefined && { basedOn }) } as const;
    const { documents } = await this.#write(tenantId, { puts: [], removals: [removal], scopes: [scope] }, options);
    return documents[0] ?? Promise.reject(noDocument(id));
  }

  async merge(tenantId: string, id: string, input: MergeInput): Promise<MergeResult> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#mergeOnce(tenantId, id, input);
      } catch (error) {
        // Another version came in between: then that one is merged with.
        if (!isGloveboxError(error, "conflict") || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async pin(tenantId: string, id: string, pinned: boolean): Promise<void> {
    if (!(await this.#parts.writer.call("pin", tenantId, id, pinned))) throw noDocument(id);
  }

  async search(tenantId: string, input: SearchInput, signal?: AbortSignal): Promise<SearchResult> {
    const revisionOf = (at: PastState | undefined) => this.#revisionOf(tenantId, at);
    return search({ ...this.#parts, revisionOf }, tenantId, input, signal);
  }

  async snapshot(tenantId: string, scope: Scope, name: string): Promise<ScopeSnapshot> {
    return this.#parts.writer.call("takeSnapshot", newId(this.#parts.clock.nowMs()), tenantId, scope, name);
  }

  async snapshots(tenantId: string, scope?: Scope): Promise<readonly ScopeSnapshot[]> {
    return this.#parts.readers.call({}, "snapshots", tenantId, scope);
  }

  async deleteSnapshot(tenantId: string, id: string): Promise<void> {
    if (!(await this.#parts.writer.call("deleteSnapshot", tenantId, id))) {
      throw new GloveboxError("not_found", `there is no snapshot ${id} of the context`);
    }
  }

  async rollback(tenantId: string, scope: Scope, to: PastState, origin: string): Promise<AddResult> {
    const atRevision = await this.#revisionOf(tenantId, to);
    const [then, now] = await Promise.all([
      this.#documentsOf(tenantId, scope, atRevision),
      this.#documentsOf(tenantId, scope, undefined),
    ]);
    const removals = [...now.values()]
      .filter(({ id }) => !then.has(id))
      .map(({ id, version }) => ({ kind: "remove", id, origin, basedOn: version }) as const);
    const puts: Put[] = [];
    for (const was of then.values()) {
      const is = now.get(was.id);
      if (is?.version === was.version) continue;
      const { content } = await this.get(tenantId, was.id, { version: was.version });
      const { kind, path, metadata } = was;
      const basedOn = is?.version ?? 0;
      const input = {
        scope,
        kind,
        ...(path !== undefined && { path }),
        content,
        metadata,
        origin: was.origin,
        basedOn,
      };
      puts.push({ input });
    }
    return this.#write(tenantId, { puts, removals, scopes: [scope] });
  }

  takeBack(tenantId: string, runId: string, afterRevision: number, signal?: AbortSignal): Promise<TakenBack> {
    const write = (changes: ContextWrite, options: WriteOptions) => this.#write(tenantId, changes, options);
    const asked = { runId, afterRevision, ...(signal !== undefined && { signal }) };
    return takeBackRun({ ...this.#parts, write }, tenantId, asked);
  }

  revision(): Promise<number> {
    return this.#parts.readers.call({}, "lastRevision");
  }

  async pinRun(tenantId: string, runId: string, revision?: number): Promise<number> {
    return this.#parts.writer.call("pinRun", tenantId, runId, revision);
  }

  async unpinRun(tenantId: string, runId: string): Promise<void> {
    await this.#parts.writer.call("unpinRun", tenantId, runId);
  }

  async compact(tenantId: string | undefined, before: string): Promise<Compacted> {
    const horizon = await this.#parts.readers.call({}, "revisionAt", Date.parse(before));
    const compacted = await this.#parts.writer.call("compact", tenantId, horizon);
    await this.#parts.readers.forget();
    return compacted;
  }

  async *changes(
    tenantId: string,
    scope: Scope,
    options: { readonly afterRevision?: number; readonly signal?: AbortSignal } = {},
  ): AsyncIterable<ContextChange> {
    const { readers } = this.#parts;
    const { signal } = options;
    let after = options.afterRevision ?? (await readers.call({}, "lastRevision"));
    while (signal?.aborted !== true) {
      const next = this.#changes.next(tenantId, scope, signal);
      const page = await readers.call({}, "changedAfter", tenantId, scope, after, PAGE);
      for (const change of page) yield change;
      after = page.at(-1)?.revision ?? after;
      if (page.length < PAGE) await next;
    }
  }

  counts(
    tenantId: string,
  ): Promise<{ readonly documents: number; readonly versions: number; readonly chunks: number }> {
    return this.#parts.readers.call({}, "counts", tenantId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.queue?.[Symbol.asyncDispose]();
    await this.#parts.readers[Symbol.asyncDispose]();
    await this.#parts.writer[Symbol.asyncDispose]();
  }

  async #write(
    tenantId: string,
    { puts, removals = [], scopes }: ContextWrite,
    { runId, signal }: WriteOptions = {},
  ): Promise<AddResult> {
    const { writer, queue, embedder } = this.#parts;
    const inputs = puts.map(({ input }) => input);
    for (let attempt = 1; ; attempt += 1) {
      const prepared = await this.#prepare(tenantId, inputs, signal);
      const changes = prepared.map((document, at): Change => {
        const restores = puts[at]?.restores;
        return { kind: "put", document, ...(restores !== undefined && { restores }) };
      });
      // A run that is taken back writes nothing from then on.
      signal?.throwIfAborted();
      try {
        const result = await writer.call("write", tenantId, [...changes, ...removals], spaceOf(embedder), runId);
        queue?.wake();
        this.#changes.tell(tenantId, scopes);
        return result;
      } catch (error) {
        const isStale = isGloveboxError(error, "conflict") && error.details?.stale === true;
        if (!isStale || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async #prepare(
    tenantId: string,
    inputs: readonly DocumentInput[],
    signal: AbortSignal | undefined,
  ): Promise<PreparedDocument[]> {
    const { readers, embedder } = this.#parts;
    const options = { limitMs: PREPARE_LIMIT_MS, ...(signal !== undefined && { signal }) };
    // All readers work on a large batch; a small one is not worth waking another.
    const share = Math.max(MIN_SHARE, Math.ceil(inputs.length / readers.size));
    const parts: Promise<PreparedDocument[]>[] = [];
    for (let from = 0; from < inputs.length; from += share) {
      const part = inputs.slice(from, from + share);
      parts.push(readers.call(options, "prepareDocuments", tenantId, part, spaceOf(embedder)));
    }
    return (await Promise.all(parts)).flat();
  }

  async #mergeOnce(tenantId: string, id: string, input: MergeInput): Promise<MergeResult> {
    const [base, current] = await Promise.all([
      this.get(tenantId, id, { version: input.basedOn }),
      this.get(tenantId, id),
    ]);
    const names = { ours: `version ${current.version}`, theirs: input.origin };
    const { content, conflicts } = mergeThreeWay(base.content, current.content, input.content, names);
    if (conflicts.length > 0 && input.onConflict !== "mark") return { content, conflicts };
    const { scope, kind, path, metadata } = current;
    const document: DocumentInput = {
      scope,
      kind,
      ...(path !== undefined && { path }),
      content,
      metadata: input.metadata ?? metadata,
      origin: input.origin,
      basedOn: current.version,
    };
    // A document without a path is known by its first content, and cannot be found by another one.
    if (path === undefined)
      throw new GloveboxError("invalid_argument", "only a document with a path can be merged", { details: { id } });
    const { documents } = await this.add(tenantId, [document]);
    return { ...(documents[0] !== undefined && { written: documents[0] }), content, conflicts };
  }

  async #documentsOf(
    tenantId: string,
    scope: Scope,
    atRevision: number | undefined,
  ): Promise<Map<string, DocumentVersion>> {
    const found = new Map<string, DocumentVersion>();
    let afterId = "";
    let page: readonly DocumentVersion[];
    do {
      page = await this.#parts.readers.call({}, "documents", {
        tenantId,
        scopes: [scope],
        ...(atRevision !== undefined && { atRevision }),
        afterId,
        limit: PAGE,
      });
      for (const document of page) found.set(document.id, document);
      afterId = page.at(-1)?.id ?? afterId;
    } while (page.length === PAGE);
    return found;
  }

  /** `not_found` when there is no such snapshot or pin. */
  async #revisionOf(tenantId: string, at: PastState | undefined): Promise<number | undefined> {
    const { readers } = this.#parts;
    if (at === undefined) return undefined;
    if ("revision" in at) return at.revision;
    if ("time" in at) return readers.call({}, "revisionAt", Date.parse(at.time));
    if ("run" in at) {
      const pinned = await readers.call({}, "pinOf", tenantId, at.run);
      return pinned ?? Promise.reject(new GloveboxError("not_found", `nothing is pinned for the run ${at.run}`));
    }
    const snapshot = (await this.snapshots(tenantId)).find(({ id }) => id === at.snapshot);
    return (
      snapshot?.revision ??
      Promise.reject(new GloveboxError("not_found", `there is no snapshot ${at.snapshot} of the context`))
    );
  }
}

function noDocument(id: string): GloveboxError {
  return new GloveboxError("not_found", `there is no document ${id}, or not in that version`, { details: { id } });
}
