import { everyItem } from "./pages.ts";
import type { Transport } from "./transport.ts";
import type { CallOptions, Page, PageRequest } from "./types/page.ts";
import type { Token, TokenInput } from "./types/token.ts";
import { urlPath } from "./url-path.ts";

/** Who may use the server. */
export class Tokens {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(request: PageRequest = {}, options: CallOptions = {}): Promise<Page<Token>> {
    return this.#transport.json({
      method: "GET",
      path: urlPath("tokens"),
      query: { ...request },
      signal: options.signal,
    });
  }

  listAll(options: CallOptions = {}): AsyncGenerator<Token, void> {
    return everyItem((cursor) => this.list({ cursor }, options));
  }

  /** Makes a token. Its secret is shown this once, so a create that got no answer is not sent again. */
  async create(
    input: TokenInput,
    options: CallOptions = {},
  ): Promise<{ readonly token: Token; readonly secret: string }> {
    return this.#transport.json({ method: "POST", path: urlPath("tokens"), body: input, signal: options.signal });
  }

  /** Revokes a token, at once. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("tokens", id), signal: options.signal });
  }
}
