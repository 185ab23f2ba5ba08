import type { DurableEngine } from "../../engine/index.ts";
import { openProvider, ProviderSettings } from "../../models/index.ts";
import { CiTranslate } from "./ci-translate.ts";

/** Who translates. */
export interface TranslateSettings {
  readonly provider: "ollama" | "openai" | "openrouter" | "anthropic";
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly model: string;
}

/** Translation by a model as configured; without settings it is off. */
export function createTranslate(engine: DurableEngine, settings: TranslateSettings | undefined): CiTranslate {
  if (settings === undefined) return new CiTranslate(engine);
  const { provider: kind, model: name, baseUrl, apiKey } = settings;
  return new CiTranslate(engine, { provider: openProvider(ProviderSettings.parse({ kind, baseUrl, apiKey })), name });
}
