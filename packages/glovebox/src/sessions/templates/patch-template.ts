import type { Limits, Template, TemplatePatch } from "../../core/index.ts";
import { mergeCapabilities, shortForms } from "./capabilities.ts";
import { uniqueLanguages } from "./fill-template.ts";
import { overlayLimits } from "./overlay-limits.ts";

/** The next version of a template. */
export function patchTemplate(current: Template, patch: TemplatePatch, updatedAt: string): Template {
  const capabilities = mergeCapabilities(current.capabilities, patch);
  const limits = overlayLimits(current.limits, patch.limits);
  const { languages, libraries, secrets, ...rest } = patch;
  const direct = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...current,
    ...direct,
    version: current.version + 1,
    ...(languages !== undefined && { languages: uniqueLanguages(languages) }),
    ...(libraries !== undefined && { libraries: [...new Set(libraries)] }),
    ...(secrets !== undefined && { secrets: [...new Set(secrets)] }),
    limits,
    maxLimits: nextMaxLimits(current, limits, patch),
    capabilities,
    ...shortForms(capabilities),
    updatedAt,
  };
}

/** A maximum that was the limit itself follows the limit. */
function nextMaxLimits(current: Template, limits: Limits, patch: TemplatePatch): Limits {
  const next: Limits = { ...current.maxLimits };
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    if (current.maxLimits[name] === current.limits[name]) next[name] = limits[name];
  }
  return overlayLimits(next, patch.maxLimits);
}
