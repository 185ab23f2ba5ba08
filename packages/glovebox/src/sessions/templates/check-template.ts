import {
  GloveboxError,
  type Isolation,
  type Limits,
  type Outside,
  type StartupFile,
  type Template,
} from "../../core/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { detectLanguage } from "../../sandbox/kernel/index.ts";
import { workspacePath } from "../executions/make-plan.ts";
import { findLibrary } from "../libraries/library-catalogue.ts";
import { checkPins, isEmpty } from "../packages/pins.ts";
import { checkPoolSize } from "../pools/pool-sizes.ts";
import { checkCapability } from "./capabilities.ts";
import { ISOLATION_LANGUAGES } from "./catalogue.ts";

/**
 * Refuses what could not be honoured: nothing is stored that does nothing. Errors: `isolation_unavailable`, `language_unavailable`,
 * `module_not_allowed`, `invalid_argument`, `invalid_path`, `not_supported_by_isolation`.
 */
export function checkTemplate(
  template: Template,
  {
    drivers,
    outside,
  }: { readonly drivers: ReadonlyMap<Isolation, IsolationDriver>; readonly outside?: Outside | undefined },
): void {
  if (!drivers.has(template.isolation)) {
    throw new GloveboxError(
      "isolation_unavailable",
      `this version of Glovebox has no driver for '${template.isolation}'; there are ${[...drivers.keys()].join(", ")}`,
    );
  }
  checkLanguages(template);
  checkPoolSize(template.pool);
  checkLater(template);
  checkImage(template);
  checkLimits(template);
  for (const capability of template.capabilities) checkCapability(capability);
  checkNetwork(template, outside);
  checkPackages(template, outside);
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
  const { snapshots, isolation } = template;
  if (snapshots.auto === "never" && snapshots.rollbackOnFailure) {
    throw new GloveboxError("invalid_argument", "'rollbackOnFailure' needs snapshots to go back to: set 'auto'", {
      details: { path: "snapshots.rollbackOnFailure" },
    });
  }
  if (snapshots.auto !== "never" && isolation === "isolate") {
    throw new GloveboxError("not_supported_by_isolation", "'isolate' cannot snapshot a session", {
      details: { path: "snapshots.auto" },
    });
  }
}

/** Those whose sandboxes have a root of their own. */
const WITH_IMAGE: readonly Isolation[] = ["microvm", "firecracker"];

/** That there is an image of that name shows when a session starts: it may be defined, built or imported until then. */
function checkImage({ isolation, image }: Template): void {
  if (image === undefined) return;
  if (!WITH_IMAGE.includes(isolation)) {
    throw new GloveboxError(
      "not_supported_by_isolation",
      `sandboxes of '${isolation}' have this machine's programs; images are for ${WITH_IMAGE.join(", ")}`,
      { details: { path: "image" } },
    );
  }
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(image)) {
    throw new GloveboxError(
      "invalid_argument",
      "not a name of an image: lower-case letters, digits, '.', '_' and '-'",
      {
        details: { path: "image" },
      },
    );
  }
}

function checkNetwork({ isolation, network, secrets, env }: Template, outside: Outside | undefined): void {
  if (network.mode === "none") {
    if (secrets.length === 0) return;
    throw new GloveboxError("invalid_argument", "secrets are put in by the proxy: they need a network", {
      details: { path: "secrets" },
    });
  }
  if (isolation === "isolate") {
    throw new GloveboxError("not_supported_by_isolation", "JavaScript in an isolate has no network", {
      details: { path: "network" },
    });
  }
  if (outside === undefined) throw new GloveboxError("unavailable", "this server lets no sandbox out");
  outside.checkNetwork(network);
  const twice = secrets.find((name) => name in env);
  if (twice !== undefined) {
    throw new GloveboxError("invalid_argument", `'${twice}' is both a secret and a variable of env`, {
      details: { path: "secrets" },
    });
  }
}

function checkPackages({ isolation, packages }: Template, outside: Outside | undefined): void {
  if (isEmpty(packages)) return;
  if (isolation === "isolate") {
    throw new GloveboxError("not_supported_by_isolation", "an isolate takes libraries, not packages", {
      details: { path: "packages" },
    });
  }
  checkPins(packages);
  if (outside === undefined)
    throw new GloveboxError("unavailable", "packages come by the network, and this server lets no sandbox out");
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
