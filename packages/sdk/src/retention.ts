import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type { RetentionPolicy, SweepReport } from "./types/runtime.ts";
import { urlPath } from "./url-path.ts";

/** How many days each kind of data is kept. Only the root token may change it. */
export class Retention {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async get(options: CallOptions = {}): Promise<RetentionPolicy> {
    return this.#transport.json({ method: "GET", path: urlPath("retention"), signal: options.signal });
  }

  async set(policy: RetentionPolicy, options: CallOptions = {}): Promise<RetentionPolicy> {
    return this.#transport.json({ method: "PUT", path: urlPath("retention"), body: policy, signal: options.signal });
  }

  /** Removes what is past its retention now; `dryRun` only counts it. */
  async sweep(request: { readonly dryRun: boolean }, options: CallOptions = {}): Promise<SweepReport> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("retention", "sweep"),
      body: request,
      signal: options.signal,
    });
  }
}
