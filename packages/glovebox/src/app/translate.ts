import { type CiTranslate, createTranslate } from "../ci/index.ts";
import type { Config } from "../config/index.ts";
import { GloveboxError } from "../core/index.ts";
import type { DurableEngine } from "../engine/index.ts";

/** Model-assisted translation as configured: off without `ci.translate.model`. `invalid_argument` when the key's variable is not set. */
export function openTranslate(config: Config["ci"]["translate"], engine: DurableEngine): CiTranslate {
  const { model, apiKeyEnv, ...rest } = config;
  if (model === undefined) return createTranslate(engine, undefined);
  const apiKey = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv];
  if (apiKeyEnv !== undefined && apiKey === undefined) {
    throw new GloveboxError("invalid_argument", `ci.translate.apiKeyEnv: the variable ${apiKeyEnv} is not set`);
  }
  return createTranslate(engine, { ...rest, apiKey, model });
}
