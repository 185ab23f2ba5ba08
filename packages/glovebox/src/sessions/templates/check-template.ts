import { GloveboxError, type Isolation, type Limits, type StartupFile, type Template } from "../../core/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { detectLanguage } from "../../sandbox/kernel/index.ts";
import { workspacePath } from "../executions/make-plan.ts";
import { findLibrary } from "../libraries/library-catalogue.ts";
import { checkCapability } from "./capabilities.ts";
import { ISOLATION_LANGUAGES } from "./catalogue.ts";

/**
 * Refuses what could not be honoured: nothing is stored that does nothing. Errors: `isolation_unavailable`, `language_unavailable`,
 * `module_not_allowed`, `invalid_argument`, `invalid_path`, `not_supported_by_isolation` for what comes later.
 */
export function checkTemplate(template: Template, drivers: ReadonlyMap<Isolation, IsolationDriver>): void {
  if (!drivers.has(template.isolation)) {
    throw new GloveboxError(
      "isolation_unavailable",
      `this version of Glovebox has no driver for '${template.isolation}'; there are ${[...drivers.keys()].join(", ")}`,
    );
  }
  checkLanguages(template);
  checkLater(template);
  checkLimits(template);
  for (const capability of template.capabilities) checkCapability(capability);
  if (template.isolation !== "isolate") checkOnlyIsolate(template);
  for (const name of template.libraries) findLibrary(name);
  for (const file of template.startupFiles) startupLanguage(file, template);
}

/** The language of a startup file. Errors: `invalid_argument` when nothing tells, `language_unavailable`, `invalid_path`. */
export function startupLanguage(file: StartupFile, template: Template): Template["languages"][number] {
  workspacePath(file.path);
  const language = file.language ?? detectLanguage(file.path);
  if (language === undefined) {
    throw new GloveboxError(
      "invalid_argument",
      `the name of the startup file '${file.path}' does not tell its language`,
    );
  }
  if (!template.languages.includes(language)) {
    throw new GloveboxError("language_unavailable", `the template has no ${language}, which '${file.path}' needs`, {
      details: { language },
    });
  }
  return language;
}

function checkLanguages({ isolation, languages }: Template): void {
  const possible = ISOLATION_LANGUAGES[isolation];
  for (const language of languages) {
    if (possible.includes(language)) continue;
    throw new GloveboxError(
      "language_unavailable",
      `'${isolation}' cannot run ${language}; it runs ${possible.join(", ")}`,
      {
        details: { language, isolation },
      },
    );
  }
}

/** What the words of a template allow and this version cannot do. */
function checkLater(template: Template): void {
  const { packages, network, pool, snapshots, image } = template;
  const named = Object.values(packages).some((list) => list.length > 0);
  if (named) throw later("packages", "packages need images of their own, which this version cannot build yet");
  if (network.mode !== "none") {
    throw later(
      "network",
      `network mode '${network.mode}' needs the egress proxy, which this version lacks; use 'none'`,
    );
  }
  if (pool.min > 0 || pool.max > 0) throw later("pool", "pools of ready sandboxes are not available yet; use 0");
  if (snapshots.auto !== "never" || snapshots.rollbackOnFailure) {
    throw later("snapshots", "automatic snapshots are not available yet; use 'never'");
  }
  if (image !== undefined) throw later("image", "images of your own are not available yet; leave 'image' out");
}

function checkLimits({ limits, maxLimits }: Template): void {
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    if (limits[name] <= maxLimits[name]) continue;
    throw new GloveboxError(
      "invalid_argument",
      `limits.${name} is ${limits[name]}, above maxLimits.${name} of ${maxLimits[name]}`,
      {
        details: { path: `limits.${name}` },
      },
    );
  }
}

function checkOnlyIsolate({ isolation, modules, libraries }: Template): void {
  const [module] = modules;
  if (module !== undefined) {
    throw new GloveboxError(
      "not_supported_by_isolation",
      `host modules ('${module}') are for 'isolate', not '${isolation}'`,
    );
  }
  if (libraries.length > 0) {
    throw new GloveboxError("not_supported_by_isolation", `libraries are for 'isolate', not '${isolation}'`);
  }
}

function later(path: string, message: string): GloveboxError {
  return new GloveboxError("not_supported_by_isolation", message, { details: { path } });
}
