import { errorOfMessage } from "./answer-error.ts";
import { bodyOf } from "./files.ts";
import { sseMessages } from "./sse.ts";
import type { Transport } from "./transport.ts";
import type {
  ContextAdded,
  ContextChange,
  ContextCompacted,
  ContextDocument,
  ContextDocumentInput,
  ContextFilter,
  ContextFound,
  ContextMerge,
  ContextMerged,
  ContextPast,
  ContextSearch,
  ContextSnapshot,
  ContextVersion,
  ContextWritten,
} from "./types/context.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** What agents know about a project: documents with versions, found by words and by nearness. Every method that names a document: `not_found`. */
export class Context {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All or none. Errors: `conflict` when one is based on a version that is not current, `invalid_argument`, `payload_too_large`. */
  async add(documents: readonly ContextDocumentInput[], options: CallOptions = {}): Promise<ContextAdded> {
    return this.#post(["documents"], { documents }, options);
  }

  /** By id, without content. */
  async list(filter: ContextFilter = {}, options: CallOptions = {}): Promise<Page<ContextVersion>> {
    const path = urlPath("context", "documents");
    return this.#transport.json({ method: "GET", path, query: { ...filter }, signal: options.signal });
  }

  async get(
    id: string,
    choice: ContextPast & { readonly version?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<ContextDocument> {
    const path = urlPath("context", "documents", id);
    return this.#transport.json({ method: "GET", path, query: { ...choice }, signal: options.signal });
  }

  /** Newest first. */
  async history(id: string, options: CallOptions = {}): Promise<{ readonly items: readonly ContextVersion[] }> {
    const path = urlPath("context", "documents", id, "versions");
    return this.#transport.json({ method: "GET", path, signal: options.signal });
  }

  /** Ends a document; what it was stays readable. */
  async remove(id: string, basedOn?: number, options: CallOptions = {}): Promise<ContextWritten> {
    const path = urlPath("context", "documents", id);
    return this.#transport.json({ method: "DELETE", path, query: { basedOn }, signal: options.signal });
  }

  /** Brings in a content that was made from an older version. */
  async merge(id: string, merge: ContextMerge, options: CallOptions = {}): Promise<ContextMerged> {
    return this.#post(["documents", id, "merge"], merge, options);
  }

  async pin(id: string, pinned: boolean, options: CallOptions = {}): Promise<void> {
    await this.#post(["documents", id, "pin"], { pinned }, options);
  }

  /** Errors: `invalid_argument`, `filters_invalid`, `unavailable` when only nearness is asked for and vectors are still being made. */
  async search(search: ContextSearch, options: CallOptions = {}): Promise<ContextFound> {
    return this.#post(["search"], search, options);
  }

  /** Remembers a scope (default `global`) as it is. */
  async snapshot(name: string, scope?: string, options: CallOptions = {}): Promise<ContextSnapshot> {
    return this.#post(["snapshots"], scope === undefined ? { name } : { name, scope }, options);
  }

  /** Oldest first. */
  async snapshots(scope?: string, options: CallOptions = {}): Promise<{ readonly items: readonly ContextSnapshot[] }> {
    const path = urlPath("context", "snapshots");
    return this.#transport.json({ method: "GET", path, query: { scope }, signal: options.signal });
  }

  async deleteSnapshot(id: string, options: CallOptions = {}): Promise<void> {
    const path = urlPath("context", "snapshots", id);
    await this.#transport.json({ method: "DELETE", path, signal: options.signal });
  }

  /** Brings a scope back to a past state, by new versions. */
  async rollback(
    rollback: {
      readonly scope?: string | undefined;
      readonly to: NonNullable<ContextSearch["at"]>;
      readonly origin: string;
    },
    options: CallOptions = {},
  ): Promise<ContextAdded> {
    return this.#post(["rollback"], rollback, options);
  }

  /** Forgets versions that ended before a time (RFC 3339) and that nothing holds. */
  async compact(before: string, options: CallOptions = {}): Promise<ContextCompacted> {
    return this.#post(["compact"], { before }, options);
  }

  /** What changes in a scope (default `global`) after a revision of the store (default: from now on), until the signal aborts or the connection ends. */
  async *changes(
    scope?: string,
    options: CallOptions & { readonly afterRevision?: number | undefined } = {},
  ): AsyncGenerator<ContextChange, void> {
    const { afterRevision: afterSeq, signal } = options;
    const path = urlPath("context", "changes");
    const query = { scope, afterSeq };
    const response = await this.#transport.raw({ method: "GET", path, query, accept: "text/event-stream", signal });
    for await (const message of sseMessages(bodyOf(response))) {
      if (message.event === "error") throw errorOfMessage(message.data);
      yield JSON.parse(message.data) as ContextChange;
    }
  }

  async #post<T>(segments: readonly string[], body: unknown, { signal }: CallOptions): Promise<T> {
    return this.#transport.json({ method: "POST", path: urlPath("context", ...segments), body, signal });
  }
}
