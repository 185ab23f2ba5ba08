import type { Transport } from "./transport.ts";
import type { CallOptions, Page } from "./types/page.ts";
import type {
  Repository,
  RepositoryHook,
  RepositoryInput,
  RepositoryPatch,
  RepositorySecret,
  RepositoryVariable,
} from "./types/repository.ts";
import { urlPath } from "./url-path.ts";

/** Those of an environment instead of the repository's. */
export interface ValueOptions extends CallOptions {
  readonly environment?: string;
}

/** Repositories whose workflows the server runs. Every method that names one: `not_found`. */
export class Repositories {
  readonly secrets: RepositoryValuesClient<RepositorySecret>;
  readonly variables: RepositoryValuesClient<RepositoryVariable>;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.secrets = new RepositoryValuesClient(transport, "secrets");
    this.variables = new RepositoryValuesClient(transport, "variables");
  }

  /** Newest first. `name`: only those of that `owner/name`. */
  async list(
    options: CallOptions & { readonly limit?: number; readonly cursor?: string; readonly name?: string } = {},
  ): Promise<Page<Repository>> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: "GET", path: urlPath("repositories"), query, signal });
  }

  /** The answer has the secret for its webhook, this once. Errors: `already_exists`, `invalid_argument`, `permission_denied`. */
  async create(
    input: RepositoryInput,
    options: CallOptions = {},
  ): Promise<{ readonly repository: Repository; readonly webhookSecret: string }> {
    return this.#transport.json({ method: "POST", path: urlPath("repositories"), body: input, signal: options.signal });
  }

  async get(id: string, options: CallOptions = {}): Promise<Repository> {
    return this.#transport.json({ method: "GET", path: urlPath("repositories", id), signal: options.signal });
  }

  async update(id: string, patch: RepositoryPatch, options: CallOptions = {}): Promise<Repository> {
    const path = urlPath("repositories", id);
    return this.#transport.json({ method: "PATCH", path, body: patch, signal: options.signal });
  }

  /** With its secrets, its variables and, where that is possible, its webhook at the forge. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    const path = urlPath("repositories", id);
    await this.#transport.json<void>({ method: "DELETE", path, signal: options.signal });
  }

  /** Registers its webhook at the forge, to be sent to `url`; `rotate` gives it a new secret. */
  async hook(
    id: string,
    request: { readonly url?: string; readonly rotate?: boolean } = {},
    options: CallOptions = {},
  ): Promise<RepositoryHook> {
    const path = urlPath("repositories", id, "hook");
    return this.#transport.json({ method: "POST", path, body: request, signal: options.signal });
  }
}

/** The secrets or the variables of repositories and of their environments. */
export class RepositoryValuesClient<T> {
  readonly #transport: Transport;
  readonly #kind: "secrets" | "variables";

  constructor(transport: Transport, kind: "secrets" | "variables") {
    this.#transport = transport;
    this.#kind = kind;
  }

  /** By name. */
  async list(id: string, options: ValueOptions = {}): Promise<{ readonly items: readonly T[] }> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: "GET", path: urlPath("repositories", id, this.#kind), query, signal });
  }

  /** Makes or replaces it. Its name is upper case, however it is given. */
  async set(id: string, name: string, value: string, options: ValueOptions = {}): Promise<T> {
    const { signal, ...query } = options;
    const path = urlPath("repositories", id, this.#kind, name);
    return this.#transport.json({ method: "PUT", path, query, body: { value }, signal });
  }

  async delete(id: string, name: string, options: ValueOptions = {}): Promise<void> {
    const { signal, ...query } = options;
    const path = urlPath("repositories", id, this.#kind, name);
    await this.#transport.json<void>({ method: "DELETE", path, query, signal });
  }
}
