import type { Transport } from "./transport.ts";
import type { AssistantInfo } from "./types/chat.ts";
import type { CallOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** The chat configurations of the server. */
export class Assistants {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<{ readonly items: readonly AssistantInfo[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("assistants"), signal: options.signal });
  }

  /** Errors: `not_found`. */
  async get(name: string, options: CallOptions = {}): Promise<AssistantInfo> {
    return this.#transport.json({ method: "GET", path: urlPath("assistants", name), signal: options.signal });
  }

  /** Has the server read its files again. Errors: `invalid_argument` says which file is wrong, and where; nothing changes then. */
  async reload(options: CallOptions = {}): Promise<{ readonly items: readonly AssistantInfo[] }> {
    const path = urlPath("assistants", "reload");
    return this.#transport.json({ method: "POST", path, repeatable: true, signal: options.signal });
  }
}
