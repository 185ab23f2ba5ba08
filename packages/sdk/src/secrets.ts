import type { Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type { KeyRotation, Secret, SecretInput } from "./types/secret.ts";
import { urlPath } from "./url-path.ts";

/** What sandboxes may use and never see. Errors: `unavailable` when the server has lost the master key. */
export class Secrets {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All of them, by name, without their values. */
  async list(options: CallOptions = {}): Promise<{ readonly items: readonly Secret[] }> {
    return this.#transport.json({ method: "GET", path: urlPath("secrets"), signal: options.signal });
  }

  /** Makes a secret, or gives it another value and other hosts. */
  async set(name: string, input: SecretInput, options: CallOptions = {}): Promise<Secret> {
    return this.#transport.json({ method: "PUT", path: urlPath("secrets", name), body: input, signal: options.signal });
  }

  async delete(name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json<void>({ method: "DELETE", path: urlPath("secrets", name), signal: options.signal });
  }

  /** Seals everything under a new master key. Only for the root token; `conflict` when the key comes from the server's environment. */
  async rotateKey(options: CallOptions = {}): Promise<KeyRotation> {
    return this.#transport.json({ method: "POST", path: urlPath("secrets", "rotate-key"), signal: options.signal });
  }
}
