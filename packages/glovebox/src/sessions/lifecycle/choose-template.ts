import { GloveboxError, type Isolation, type Language, type SessionInput, type Template } from "../../core/index.ts";
import type { TemplateService } from "../services.ts";
import type { Isolations } from "./isolations.ts";

/** Of isolations that have one template for all their languages. */
const BY_ISOLATION: Readonly<Partial<Record<Isolation, string>>> = {
  isolate: "js-isolate",
  gvisor: "gvisor",
  microvm: "microvm",
  firecracker: "firecracker",
};

const BY_LANGUAGE: Readonly<Record<Language, string>> = {
  python: "python",
  javascript: "node",
  typescript: "node",
  bash: "bash",
  rust: "rust",
};

/** The ready-made template of sessions that name an isolation and nothing else. */
export function readyMadeOf(isolation: Isolation): string {
  return BY_ISOLATION[isolation] ?? BY_LANGUAGE.python;
}

/** The template a session is made from, and the languages it gets. */
export interface Choice {
  readonly template: Template;
  readonly languages: readonly Language[];
}

/**
 * A session's template: the one named, else the ready-made one that fits isolation and languages. Without a template the session has all
 * languages that the isolation has on this host. Errors: `not_found`, `language_unavailable`, `isolation_unavailable`, `conflict` of wishes.
 */
export async function chooseTemplate(
  tenantId: string,
  input: SessionInput,
  templates: TemplateService,
  isolations: Isolations,
): Promise<Choice> {
  if (input.template !== undefined) {
    const template = await templates.get(tenantId, input.template);
    checkIsolation(input.isolation, template);
    const languages = input.languages ?? template.languages;
    for (const language of languages) {
      if (!template.languages.includes(language)) throw lacks(language, `the template '${template.name}'`);
    }
    await isolations.require(template.isolation);
    return { template, languages: [...new Set(languages)] };
  }
  const isolation = input.isolation ?? (await defaultIsolation(input, isolations));
  const { languages: offered } = await isolations.require(isolation);
  for (const language of input.languages ?? []) {
    if (!offered.includes(language)) throw lacks(language, `'${isolation}' on this host`);
  }
  const [first] = input.languages ?? [];
  const name = BY_ISOLATION[isolation] ?? BY_LANGUAGE[first ?? "python"];
  const template = await templates.get(tenantId, name);
  if (template.isolation !== isolation) {
    throw new GloveboxError(
      "invalid_argument",
      `there is no ready-made template for '${isolation}'; name one of your own`,
    );
  }
  return { template, languages: [...new Set(input.languages ?? offered)] };
}

async function defaultIsolation(input: SessionInput, isolations: Isolations): Promise<Isolation> {
  const { default: isolation, why } = await isolations.choose(input.languages);
  if (isolation === undefined) throw new GloveboxError("isolation_unavailable", why);
  return isolation;
}

function checkIsolation(asked: Isolation | undefined, template: Template): void {
  if (asked === undefined || asked === template.isolation) return;
  throw new GloveboxError(
    "invalid_argument",
    `the template '${template.name}' is for '${template.isolation}', not '${asked}'`,
    { details: { path: "isolation" } },
  );
}

function lacks(language: Language, what: string): GloveboxError {
  return new GloveboxError("language_unavailable", `${what} has no ${language}`, { details: { language } });
}
