import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type { Pool, PoolChange } from "./types/pool.ts";
import { urlPath } from "./url-path.ts";

/** Sandboxes that are ready before a session asks. Every method but `list` takes a template's id or name. */
export class Pools {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The templates that have one. */
  async list(options: CallOptions = {}): Promise<{ readonly items: readonly Pool[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("pools"), signal: options.signal });
  }

  async show(template: string, options: CallOptions = {}): Promise<Pool> {
    return this.#transport.json({ method: "GET", path: urlPath("pools", template), signal: options.signal });
  }

  /** From now on, over restarts too. Errors: `invalid_argument` when `min` would be above `max`. */
  async set(template: string, change: PoolChange, options: CallOptions = {}): Promise<Pool> {
    return this.#transport.json({
      method: "PATCH",
      path: urlPath("pools", template),
      body: change,
      signal: options.signal,
    });
  }

  /** Destroys what is ready; it is filled anew. */
  async drain(template: string, options: CallOptions = {}): Promise<Pool> {
    return this.#transport.json({ method: "POST", path: urlPath("pools", template, "drain"), signal: options.signal });
  }
}
