import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { HostParts } from "../agents/index.ts";
import type { Config } from "../config/index.ts";
import { GloveboxError } from "../core/index.ts";
import { type ModelProvider, ModelScript, openProvider, ProviderSettings } from "../models/index.ts";

/** What requests call the model of the configuration. */
export const DEFAULT_MODEL = "default";

/** The model of the configuration; `undefined` where there is none. `invalid_argument` when its key's variable is not set, or its script is none. */
export async function openModel({
  provider: kind,
  model,
  apiKeyEnv,
  script,
  seed,
  baseUrl,
  prices,
}: Config["agents"]["model"]): Promise<HostParts["models"]> {
  if (model === undefined) return undefined;
  const apiKey = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv];
  if (apiKeyEnv !== undefined && apiKey === undefined) {
    throw new GloveboxError("invalid_argument", `agents.model.apiKeyEnv: the variable ${apiKeyEnv} is not set`);
  }
  const remote = { ...(baseUrl !== undefined && { baseUrl }), ...(apiKey !== undefined && { apiKey }) };
  const settings =
    kind === "scripted" ? { kind, script: await readScript(resolve(script ?? "")) } : { kind, ...remote };
  const asked = openProvider(ProviderSettings.parse(settings));
  const provider = prices === undefined ? asked : priced(asked, prices);
  return async (_tenantId, name) => {
    if (name === DEFAULT_MODEL || name === model) return { provider, model, seed };
    throw new GloveboxError("unavailable", `this server has no model ${name} for agents`);
  };
}

/** Says what answers cost, where the provider does not. */
function priced(provider: ModelProvider, prices: { readonly input: number; readonly output: number }): ModelProvider {
  return {
    name: provider.name,
    models: (signal) => provider.models(signal),
    ask: async (request, options) => {
      const answer = await provider.ask(request, options);
      const { inputTokens, outputTokens, dollars: told } = answer.usage;
      const dollars = told ?? (inputTokens * prices.input + outputTokens * prices.output) / 1_000_000;
      return { ...answer, usage: { ...answer.usage, dollars } };
    },
  };
}

async function readScript(path: string): Promise<ModelScript> {
  try {
    return ModelScript.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 500) : String(error);
    throw new GloveboxError("invalid_argument", `agents.model.script: ${path} is no script: ${why}`, { cause: error });
  }
}
