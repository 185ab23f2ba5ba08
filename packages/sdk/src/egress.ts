import type { Transport } from "./transport.ts";
import type { EgressDecision, EgressTest } from "./types/egress.ts";
import type { CallOptions } from "./types/page.ts";
import { urlPath } from "./url-path.ts";

/** What sandboxes may reach. */
export class Egress {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Whether a template's or a given network lets a request out, and why. Nothing is sent to its host. */
  async test(input: EgressTest, options: CallOptions = {}): Promise<EgressDecision> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("egress", "test"),
      body: input,
      repeatable: true,
      signal: options.signal,
    });
  }
}
