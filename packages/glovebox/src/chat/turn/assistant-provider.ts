import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { type ModelProvider, openProvider, ProviderSettings } from "../../models/index.ts";
import type { Assistant } from "../assistants/assistant.ts";
import type { Environment } from "./turn-scope.ts";

/** An assistant's provider. Nothing is opened, and no key looked up, before it is asked: a replay needs neither. */
export function assistantProvider(assistant: Assistant, env: Environment): ModelProvider {
  return {
    name: assistant.model.provider,
    ask: (request, options) => opened(assistant, request.model, env).ask(request, options),
    models: (signal) => opened(assistant, assistant.model.name, env).models(signal),
  };
}

function opened({ model }: Assistant, name: string, env: Environment): ModelProvider {
  const { provider: kind, baseUrl, idleTimeoutMs, price, script } = model;
  if (kind === "scripted") return openProvider(ProviderSettings.parse({ kind, script }));
  const apiKey = keyOf(model.apiKeyEnv, env);
  const settings = {
    kind,
    idleTimeoutMs,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(apiKey !== undefined && { apiKey }),
    ...(price !== undefined && { prices: { [name]: price } }),
  };
  const parsed = ProviderSettings.safeParse(settings);
  if (parsed.success) return openProvider(parsed.data);
  throw new GloveboxError("invalid_argument", `the assistant's model: ${z.prettifyError(parsed.error)}`);
}

function keyOf(variable: string | undefined, env: Environment): string | undefined {
  if (variable === undefined) return undefined;
  const key = env[variable];
  if (key !== undefined && key !== "") return key;
  throw new GloveboxError(
    "permission_denied",
    `the server's environment has no ${variable}, which holds the model's key`,
    {
      details: { variable, retryable: false },
    },
  );
}
