import type { RequestSpec, Transport } from "./transport.ts";
import type { CallOptions } from "./types/page.ts";
import type {
  Capability,
  CapabilityInput,
  Packages,
  StartupFile,
  StartupFileInput,
  Template,
} from "./types/template.ts";
import { urlPath } from "./url-path.ts";

/** The parts of templates. Each change makes a new version and answers with the whole template. */
class TemplatePart {
  readonly #transport: Transport;
  readonly #part: string;

  constructor(transport: Transport, part: string) {
    this.#transport = transport;
    this.#part = part;
  }

  protected call<T>(
    method: RequestSpec["method"],
    template: string,
    rest: readonly string[],
    spec: Pick<RequestSpec, "body" | "query" | "signal"> = {},
  ): Promise<T> {
    return this.#transport.json<T>({ ...spec, method, path: urlPath("templates", template, this.#part, ...rest) });
  }
}

/** What a template exposes to code; everything else is denied. */
export class TemplateCapabilities extends TemplatePart {
  constructor(transport: Transport) {
    super(transport, "capabilities");
  }

  list(template: string, { signal }: CallOptions = {}): Promise<{ readonly items: readonly Capability[] }> {
    return this.call("GET", template, [], { signal });
  }

  /** Errors: `module_not_allowed`. */
  add(template: string, capability: CapabilityInput, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("POST", template, [], { body: capability, signal });
  }

  remove(template: string, kind: Capability["kind"], name: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("DELETE", template, [kind, name], { signal });
  }
}

/** The files that run when a session starts. */
export class TemplateStartupFiles extends TemplatePart {
  constructor(transport: Transport) {
    super(transport, "startup-files");
  }

  /** In the order in which they run. */
  list(template: string, { signal }: CallOptions = {}): Promise<{ readonly items: readonly StartupFile[] }> {
    return this.call("GET", template, [], { signal });
  }

  /** Adds one, or replaces the one with its path. */
  add(template: string, file: StartupFileInput, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("POST", template, [], { body: file, signal });
  }

  remove(template: string, path: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("DELETE", template, [], { query: { path }, signal });
  }
}

/** Host modules, or JavaScript libraries: a list of names that the catalog knows. */
export class TemplateNames extends TemplatePart {
  list(
    template: string,
    { signal }: CallOptions = {},
  ): Promise<{ readonly items: readonly { readonly name: string }[] }> {
    return this.call("GET", template, [], { signal });
  }

  /** Errors: `module_not_allowed`. */
  add(template: string, name: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("POST", template, [], { body: { name }, signal });
  }

  remove(template: string, name: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("DELETE", template, [name], { signal });
  }
}

/** Packages in a template's image. */
export class TemplatePackages extends TemplatePart {
  constructor(transport: Transport) {
    super(transport, "packages");
  }

  list(template: string, { signal }: CallOptions = {}): Promise<Packages> {
    return this.call("GET", template, [], { signal });
  }

  add(template: string, manager: keyof Packages, name: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("POST", template, [], { body: { manager, name }, signal });
  }

  remove(template: string, manager: keyof Packages, name: string, { signal }: CallOptions = {}): Promise<Template> {
    return this.call("DELETE", template, [manager, name], { signal });
  }
}
