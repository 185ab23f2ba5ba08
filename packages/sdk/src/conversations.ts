import { everyItem } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type { Conversation, ConversationExecutionFilter, ConversationFilter, WholeConversation } from "./types/chat.ts";
import type { ExecutionInfo } from "./types/execution.ts";
import type { CallOptions, Page } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** Chats with assistants. Every method that names one: `not_found`. */
export class Conversations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(filter: ConversationFilter = {}, options: CallOptions = {}): Promise<Page<Conversation>> {
    const query = { ...filter };
    return this.#transport.json({ method: "GET", path: urlPath("conversations"), query, signal: options.signal });
  }

  /** Every conversation that fits, newest first. */
  listAll(filter: ConversationFilter = {}, options: CallOptions = {}): AsyncGenerator<Conversation, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  /** With what was said in it. */
  async get(id: string, options: CallOptions = {}): Promise<WholeConversation> {
    return this.#transport.json({ method: "GET", path: urlPath("conversations", id), signal: options.signal });
  }

  /** Deletes it with its session. Errors: `conflict` while a turn is under way. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("conversations", id), signal: options.signal });
  }

  /** Another one with the same history, and a fork of its session. Errors: `conflict` while a turn is under way. */
  async fork(id: string, options: CallOptions = {}): Promise<Conversation> {
    return this.#transport.json({ method: "POST", path: urlPath("conversations", id, "fork"), signal: options.signal });
  }

  /** What ran in it, newest first. */
  async executions(
    id: string,
    filter: ConversationExecutionFilter = {},
    options: CallOptions = {},
  ): Promise<Page<ExecutionInfo>> {
    const path = urlPath("conversations", id, "executions");
    return this.#transport.json({ method: "GET", path, query: { ...filter }, signal: options.signal });
  }
}
