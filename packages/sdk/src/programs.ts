import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type { ProgramInfo } from "./types/run.ts";
import { urlPath } from "./url-path.ts";

/** The programs that the server's configuration names. */
export class Programs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** In the order of their registration; several versions of one name are several items. */
  async list(options: CallOptions = {}): Promise<{ readonly items: readonly ProgramInfo[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("programs"), signal: options.signal });
  }
}
