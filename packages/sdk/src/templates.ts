import { idempotencyKey } from "./idempotency.ts";
import { everyItem } from "./pages.ts";
import { TemplateCapabilities, TemplateNames, TemplatePackages, TemplateStartupFiles } from "./template-parts.ts";
import type { Transport } from "./transport.ts";
import type { Isolation } from "./types/isolation.ts";
import type { CallOptions, CreateOptions, Page, PageRequest } from "./types/page.ts";
import type { Template, TemplateInput, TemplatePatch } from "./types/template.ts";
import { urlPath } from "./url-path.ts";

export interface TemplateFilter extends PageRequest {
  readonly name?: string | undefined;
  readonly isolation?: Isolation | undefined;
}

export interface ChangeOptions extends CallOptions {
  /** Change it only while this is its version; else `version_conflict`. */
  readonly ifVersion?: number | undefined;
}

/** What sandboxes are made from. Every method takes a template's id or name. */
export class Templates {
  readonly capabilities: TemplateCapabilities;
  readonly startupFiles: TemplateStartupFiles;
  readonly modules: TemplateNames;
  readonly libraries: TemplateNames;
  readonly packages: TemplatePackages;
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.capabilities = new TemplateCapabilities(transport);
    this.startupFiles = new TemplateStartupFiles(transport);
    this.modules = new TemplateNames(transport, "modules");
    this.libraries = new TemplateNames(transport, "libraries");
    this.packages = new TemplatePackages(transport);
  }

  async list(filter: TemplateFilter = {}, options: CallOptions = {}): Promise<Page<Template>> {
    return this.#transport.json({
      method: "GET",
      path: urlPath("templates"),
      query: { ...filter },
      signal: options.signal,
    });
  }

  /** Every template that fits. */
  listAll(filter: TemplateFilter = {}, options: CallOptions = {}): AsyncGenerator<Template, void> {
    return everyItem((cursor) => this.list(cursor === undefined ? filter : { ...filter, cursor }, options));
  }

  /** Errors: `already_exists`, `module_not_allowed`, `language_unavailable`, `invalid_argument`. */
  async create(input: TemplateInput, options: CreateOptions = {}): Promise<Template> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("templates"),
      body: input,
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }

  /** The newest version, or the one asked for. */
  async get(
    idOrName: string,
    options: CallOptions & { readonly version?: number | undefined } = {},
  ): Promise<Template> {
    return this.#transport.json({
      method: "GET",
      path: urlPath("templates", idOrName),
      query: { version: options.version },
      signal: options.signal,
    });
  }

  /** Changes what the patch names, which makes a new version. */
  async update(idOrName: string, patch: TemplatePatch, options: ChangeOptions = {}): Promise<Template> {
    return this.#transport.json({
      method: "PATCH",
      path: urlPath("templates", idOrName),
      body: patch,
      headers: ifMatch(options),
      signal: options.signal,
    });
  }

  /** Deletes it. Errors: `template_in_use` while a live session was made from it. */
  async delete(idOrName: string, options: ChangeOptions = {}): Promise<void> {
    await this.#transport.json<void>({
      method: "DELETE",
      path: urlPath("templates", idOrName),
      headers: ifMatch(options),
      signal: options.signal,
    });
  }

  async clone(idOrName: string, name: string, options: CreateOptions = {}): Promise<Template> {
    return this.#transport.json({
      method: "POST",
      path: urlPath("templates", idOrName, "clone"),
      body: { name },
      idempotencyKey: idempotencyKey(options),
      signal: options.signal,
    });
  }
}

function ifMatch(options: ChangeOptions): Readonly<Record<string, string>> {
  return options.ifVersion === undefined ? {} : { "if-match": `"${options.ifVersion}"` };
}
