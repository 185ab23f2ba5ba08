import type { Config } from "../config/index.ts";
import { type ContextStore, openContextStore } from "../context/index.ts";
import { GloveboxError, type Logger } from "../core/index.ts";
import { type Embedder, openEmbedder, ProviderSettings } from "../models/index.ts";

/** The context store with the embedder of the configuration. `invalid_argument` when the variable that should have its key is not set. */
export function openContext({ dataDir, context: { embedder, readers } }: Config, logger: Logger): ContextStore {
  const asked = embedderOf(embedder);
  return openContextStore({ dataDir, logger, readers, ...(asked !== undefined && { embedder: asked }) });
}

function embedderOf({
  kind,
  baseUrl,
  model,
  dimensions,
  apiKeyEnv,
}: Config["context"]["embedder"]): Embedder | undefined {
  if (kind === "hashing" || model === undefined || dimensions === undefined) return undefined;
  const apiKey = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv];
  if (apiKeyEnv !== undefined && apiKey === undefined) {
    throw new GloveboxError("invalid_argument", `context.embedder.apiKeyEnv: the variable ${apiKeyEnv} is not set`);
  }
  return openEmbedder({ provider: ProviderSettings.parse({ kind, baseUrl, apiKey }), model, dimensions });
}
