import {
  type Capability,
  GloveboxError,
  type Isolation,
  isGloveboxError,
  newId,
  type StartupFile,
  type Template,
  type TemplateInput,
  type TemplatePatch,
  toTimestamp,
} from "../../core/index.ts";
import type { Page, PageRequest } from "../../store/index.ts";
import { libraryCatalogue } from "../libraries/library-catalogue.ts";
import type { Room } from "../room.ts";
import type { TemplateService } from "../services.ts";
import { ISOLATION_LANGUAGES, MODULES } from "./catalogue.ts";
import { checkTemplate } from "./check-template.ts";
import { fillTemplate } from "./fill-template.ts";
import { patchTemplate } from "./patch-template.ts";
import { RecentTemplates } from "./recent-templates.ts";
import { Seeds } from "./seeds.ts";

/** Changes that race are tried again when the caller named no version. */
const ATTEMPTS = 5;

/** Who wants to know of changes, once they are on disk. */
export interface TemplateWatch {
  changed(template: Template): void;
  deleted(template: Template): Promise<void>;
}

export class Templates implements TemplateService {
  readonly #room: Room;
  readonly #watch: TemplateWatch;
  readonly #seeds: Seeds;
  readonly #recent = new RecentTemplates();

  constructor(room: Room, watch: TemplateWatch) {
    this.#room = room;
    this.#watch = watch;
    this.#seeds = new Seeds(room);
  }

  async create(tenantId: string, input: TemplateInput): Promise<Template> {
    await this.#seeds.ensure(tenantId);
    const now = toTimestamp(this.#room.clock.nowMs());
    const identity = { id: newId(this.#room.clock.nowMs()), tenantId, version: 1, createdAt: now, updatedAt: now };
    const template = fillTemplate(input, identity);
    checkTemplate(template, this.#room);
    await this.#room.store.templates.create(template);
    this.#changed(template);
    return template;
  }

  async get(tenantId: string, idOrName: string, version?: number): Promise<Template> {
    await this.#seeds.ensure(tenantId);
    const { templates } = this.#room.store;
    const template =
      version === undefined
        ? await this.#recent.get(tenantId, idOrName, () => templates.get(tenantId, idOrName))
        : await templates.get(tenantId, idOrName, version);
    if (template === undefined) {
      const which = version === undefined ? "" : ` in version ${version}`;
      throw new GloveboxError("not_found", `no template '${idOrName}'${which}`);
    }
    return template;
  }

  async list(
    tenantId: string,
    page?: PageRequest & { readonly name?: string; readonly isolation?: Isolation },
  ): Promise<Page<Template>> {
    await this.#seeds.ensure(tenantId);
    return this.#room.store.templates.list(tenantId, page);
  }

  update(tenantId: string, idOrName: string, patch: TemplatePatch, expectedVersion?: number): Promise<Template> {
    return this.#change(tenantId, idOrName, () => patch, expectedVersion);
  }

  async clone(tenantId: string, idOrName: string, name: string): Promise<Template> {
    const source = await this.get(tenantId, idOrName);
    const now = toTimestamp(this.#room.clock.nowMs());
    const copy = { ...source, id: newId(this.#room.clock.nowMs()), name, version: 1, createdAt: now, updatedAt: now };
    await this.#room.store.templates.create(copy);
    this.#changed(copy);
    return copy;
  }

  async delete(tenantId: string, idOrName: string): Promise<void> {
    const template = await this.get(tenantId, idOrName);
    const deleted = await this.#room.store.templates.delete(tenantId, template.id);
    this.#recent.forget(tenantId);
    if (!deleted) throw new GloveboxError("not_found", `no template '${idOrName}'`);
    await this.#watch.deleted(template);
  }

  addCapability(tenantId: string, idOrName: string, capability: Capability): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ capabilities }) => ({ capabilities: [...capabilities, capability] }));
  }

  removeCapability(tenantId: string, idOrName: string, kind: Capability["kind"], name: string): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ capabilities }) => ({
      capabilities: without(
        capabilities,
        (item) => item.kind === kind && item.name === name,
        `capability ${kind}/${name}`,
      ),
    }));
  }

  addStartupFile(tenantId: string, idOrName: string, file: StartupFile): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ startupFiles }) => ({
      startupFiles: [...startupFiles.filter(({ path }) => path !== file.path), file],
    }));
  }

  removeStartupFile(tenantId: string, idOrName: string, path: string): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ startupFiles }) => ({
      startupFiles: without(startupFiles, (file) => file.path === path, `startup file ${path}`),
    }));
  }

  addModule(tenantId: string, idOrName: string, name: string): Promise<Template> {
    return this.addCapability(tenantId, idOrName, { kind: "module", name, enabled: true, config: {} });
  }

  removeModule(tenantId: string, idOrName: string, name: string): Promise<Template> {
    return this.removeCapability(tenantId, idOrName, "module", name);
  }

  addLibrary(tenantId: string, idOrName: string, name: string): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ libraries }) => ({ libraries: [...libraries, name] }));
  }

  removeLibrary(tenantId: string, idOrName: string, name: string): Promise<Template> {
    return this.#change(tenantId, idOrName, ({ libraries }) => ({
      libraries: without(libraries, (item) => item === name, `library ${name}`),
    }));
  }

  async catalog(): ReturnType<TemplateService["catalog"]> {
    const isolations = [...this.#room.drivers.keys()];
    const languages = ISOLATION_LANGUAGES.bubblewrap.map((name) => ({
      name,
      isolations: isolations.filter((isolation) => ISOLATION_LANGUAGES[isolation].includes(name)),
    }));
    return { modules: MODULES, libraries: libraryCatalogue(), languages };
  }

  #changed(template: Template): void {
    this.#recent.forget(template.tenantId);
    this.#watch.changed(template);
  }

  async #change(
    tenantId: string,
    idOrName: string,
    patchOf: (current: Template) => TemplatePatch,
    expectedVersion?: number,
  ): Promise<Template> {
    for (let attempt = 1; ; attempt += 1) {
      const current = await this.get(tenantId, idOrName);
      if (expectedVersion !== undefined && expectedVersion !== current.version) {
        throw new GloveboxError("version_conflict", `the template is at version ${current.version}`, {
          details: { expected: expectedVersion, current: current.version },
        });
      }
      const next = patchTemplate(current, patchOf(current), toTimestamp(this.#room.clock.nowMs()));
      checkTemplate(next, this.#room);
      try {
        await this.#room.store.templates.addVersion(next);
        this.#changed(next);
        return next;
      } catch (error) {
        // What was kept may be what it lost against.
        this.#recent.forget(tenantId);
        const raced = isGloveboxError(error, "version_conflict") && expectedVersion === undefined;
        if (!raced || attempt >= ATTEMPTS) throw error;
      }
    }
  }
}

function without<T>(list: readonly T[], gone: (item: T) => boolean, what: string): T[] {
  const kept = list.filter((item) => !gone(item));
  if (kept.length === list.length) throw new GloveboxError("not_found", `the template has no ${what}`);
  return kept;
}
