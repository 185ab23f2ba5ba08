import { everyItem } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type { Approval, ApprovalFilter } from "./types/chat.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** Questions to people, for which turns wait. */
export class Approvals {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(filter: ApprovalFilter = {}, options: CallOptions = {}): Promise<Page<Approval>> {
    const query = { ...filter };
    return this.#transport.json({ method: "GET", path: urlPath("approvals"), query, signal: options.signal });
  }

  /** Every one that fits, newest first. */
  listAll(filter: ApprovalFilter = {}, options: CallOptions = {}): AsyncGenerator<Approval, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  async get(id: string, options: CallOptions = {}): Promise<Approval> {
    return this.#transport.json({ method: "GET", path: urlPath("approvals", id), signal: options.signal });
  }

  /** The turn that waits goes on. Deciding the same again changes nothing. Errors: `not_found`, `conflict` when it was decided otherwise, has expired or was withdrawn. */
  async decide(
    id: string,
    decision: "approve" | "refuse",
    options: CallOptions & { readonly reason?: string | undefined } = {},
  ): Promise<Approval> {
    const { reason, signal } = options;
    const body = reason === undefined ? { decision } : { decision, reason };
    return this.#transport.json({ method: "POST", path: urlPath("approvals", id), body, repeatable: true, signal });
  }
}
