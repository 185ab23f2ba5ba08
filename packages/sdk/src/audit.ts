import { jsonLines } from "./json-lines.ts";
import { everyItem } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type { AuditFilter, AuditRecord, AuditVerification } from "./types/audit.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** What was done, by whom, and what was refused. */
export class Audit {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. */
  async list(filter: AuditFilter = {}, options: CallOptions = {}): Promise<Page<AuditRecord>> {
    return this.#transport.json({
      method: "GET",
      path: urlPath("audit"),
      query: { ...filter },
      signal: options.signal,
    });
  }

  listAll(filter: AuditFilter = {}, options: CallOptions = {}): AsyncGenerator<AuditRecord, void> {
    return everyItem((cursor) => this.list({ ...filter, cursor }, options));
  }

  /** Has the server walk the chain. */
  async verify(options: CallOptions = {}): Promise<AuditVerification> {
    return this.#transport.json({ method: "GET", path: urlPath("audit", "verify"), signal: options.signal });
  }

  /** Every record after `afterSeq` (default 0), oldest first, as they come. */
  async *export(
    options: CallOptions & { readonly afterSeq?: number | undefined } = {},
  ): AsyncGenerator<AuditRecord, void> {
    const response = await this.#transport.raw({
      method: "GET",
      path: urlPath("audit", "export"),
      query: { afterSeq: options.afterSeq },
      accept: "application/x-ndjson",
      signal: options.signal,
    });
    yield* jsonLines<AuditRecord>(response);
  }
}
