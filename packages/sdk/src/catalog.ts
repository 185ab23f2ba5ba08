import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type { Catalog } from "./types/template.ts";
import { urlPath } from "./url-path.ts";

/** What templates may name. */
export class CatalogClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Host modules that `isolate` templates may offer. */
  modules(options: CallOptions = {}): Promise<{ readonly items: Catalog["modules"] }> {
    return this.#get("modules", options);
  }

  /** JavaScript libraries, with their pinned versions. */
  libraries(options: CallOptions = {}): Promise<{ readonly items: Catalog["libraries"] }> {
    return this.#get("libraries", options);
  }

  /** Languages and the isolations that run them. */
  languages(options: CallOptions = {}): Promise<{ readonly items: Catalog["languages"] }> {
    return this.#get("languages", options);
  }

  #get<T>(part: string, options: CallOptions): Promise<T> {
    return this.#transport.json<T>({ method: "GET", path: urlPath("catalog", part), signal: options.signal });
  }
}
