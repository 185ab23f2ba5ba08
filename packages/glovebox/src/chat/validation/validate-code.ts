import { GloveboxError, type Language } from "../../core/index.ts";
import { Language as LanguageSchema } from "../../core/schemas.ts";
import { processThreads } from "../worker/process-threads.ts";
import { MAX_LOOKED_INTO } from "./limits.ts";
import { settingsOf, type ValidateOptions } from "./settings.ts";
import type { Validation } from "./types.ts";

/**
 * Judges code without running it, by rules over its syntax tree. The sandbox is the wall; this is advice to people and models. Errors:
 * `invalid_argument` for unknown fields, languages and rules, `payload_too_large` for what takes too long, `queue_full`, `cancelled`.
 */
export async function validateCode(
  code: string,
  language: Language,
  options: ValidateOptions = {},
  signal?: AbortSignal,
): Promise<Validation> {
  const settings = settingsOf(options);
  if (!LanguageSchema.safeParse(language).success) {
    throw new GloveboxError("invalid_argument", `validation: there is no language '${language}'`);
  }
  // One unit more than is looked into tells that it is too long; the rest need not travel.
  return await processThreads.read(
    "validate",
    { code: code.slice(0, MAX_LOOKED_INTO + 1), language, settings },
    signal,
  );
}
