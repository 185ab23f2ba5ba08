import { DEFAULT_LIMITS, type Language, type Template, type TemplateInput } from "../../core/index.ts";
import { mergeCapabilities, shortForms } from "./capabilities.ts";
import { ISOLATION_LANGUAGES } from "./catalogue.ts";
import { overlayLimits } from "./overlay-limits.ts";

export const DEFAULT_IDLE_MS = 30 * 60_000;
export const DEFAULT_LIFETIME_MS = 24 * 3_600_000;

const DEFAULT_RESOLVER: Template["resolver"] = {
  roots: ["."],
  extensions: [".js", ".mjs", ".ts"],
  allowAbsoluteRepoImports: false,
};

interface Identity {
  readonly id: string;
  readonly tenantId: string;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A template with every default filled in. */
export function fillTemplate(input: TemplateInput, identity: Identity): Template {
  const capabilities = mergeCapabilities([], input);
  const limits = overlayLimits(DEFAULT_LIMITS, input.limits);
  const { id, tenantId, version, createdAt, updatedAt } = identity;
  return {
    id,
    tenantId,
    name: input.name,
    version,
    isolation: input.isolation,
    ...(input.image !== undefined && { image: input.image }),
    languages: uniqueLanguages(input.languages ?? ISOLATION_LANGUAGES[input.isolation]),
    packages: input.packages ?? { apt: [], python: [], node: [], cargo: [] },
    limits,
    // What is not named stays at the limit itself.
    maxLimits: overlayLimits(limits, input.maxLimits),
    allowPartial: input.allowPartial ?? false,
    onOutputLimit: input.onOutputLimit ?? "truncate",
    ...shortForms(capabilities),
    secrets: [...new Set(input.secrets ?? [])],
    resolver: input.resolver ?? DEFAULT_RESOLVER,
    runtime: input.runtime ?? { esm: true, strict: false, console: "events" },
    libraries: [...new Set(input.libraries ?? [])],
    capabilities,
    startupFiles: input.startupFiles ?? [],
    snapshots: input.snapshots ?? { auto: "never", rollbackOnFailure: false, keep: 10 },
    forkable: input.forkable ?? false,
    idleTimeoutMs: input.idleTimeoutMs ?? DEFAULT_IDLE_MS,
    maxLifetimeMs: input.maxLifetimeMs ?? DEFAULT_LIFETIME_MS,
    pool: input.pool ?? { min: 0, max: 0, refillConcurrency: 1 },
    createdAt,
    updatedAt,
  };
}

export function uniqueLanguages(languages: readonly Language[]): Language[] {
  return [...new Set(languages)];
}
