import type { EmbeddingModelV4 } from "@ai-sdk/provider";
import { GloveboxError } from "../core/index.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { type Embedder, toUnit } from "./embedder.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { toModelError } from "./to-error.ts";

type Fetch = typeof globalThis.fetch;

export interface EmbedderOptions {
  /** Of kind `ollama` or `openai`; others offer no vectors. */
  readonly provider: ProviderSettings;
  readonly model: string;
  /** Of its vectors. An answer of another length is an error: vectors of different models must not be mixed. */
  readonly dimensions: number;
}

/** Texts of one request; more are sent in several. */
const MAX_TEXTS = 64;
const OLLAMA = "http://127.0.0.1:11434";

/** An embedder that asks a server. Nothing is sent before it is asked. `invalid_argument` when the provider offers no vectors. */
export function openEmbedder({ provider, model: name, dimensions }: EmbedderOptions): Embedder {
  if (provider.kind !== "ollama" && provider.kind !== "openai") {
    throw new GloveboxError(
      "invalid_argument",
      `${provider.kind} makes no vectors: use a provider of kind ollama or openai`,
    );
  }
  const { kind, idleTimeoutMs } = provider;
  const one = async (texts: readonly string[], signal: AbortSignal | undefined): Promise<Float32Array[]> => {
    try {
      signal?.throwIfAborted();
      const model = await modelOf(provider, name, boundedFetch(idleTimeoutMs, signal));
      const { embeddings } = await model.doEmbed({
        values: [...texts],
        ...(signal !== undefined && { abortSignal: signal }),
      });
      return checked(embeddings, texts.length, dimensions);
    } catch (error) {
      throw toModelError(error, { provider: kind, signal, partial: "" });
    }
  };
  return {
    name: kind,
    model: name,
    dimensions,
    embed: async (texts, signal) => {
      const vectors: Float32Array[] = [];
      for (let at = 0; at < texts.length; at += MAX_TEXTS) {
        vectors.push(...(await one(texts.slice(at, at + MAX_TEXTS), signal)));
      }
      return vectors;
    },
  };
}

/** Loads the provider's library when the first texts come. */
async function modelOf(
  { kind, baseUrl = OLLAMA, apiKey }: Extract<ProviderSettings, { kind: "ollama" | "openai" }>,
  name: string,
  fetch: Fetch,
): Promise<EmbeddingModelV4> {
  const baseURL = baseUrl.replace(/\/+$/, "");
  const key = apiKey === undefined ? {} : { apiKey };
  if (kind === "ollama") {
    const { createOllama } = await import("ai-sdk-ollama");
    return createOllama({ baseURL, fetch, ...key }).embeddingModel(name);
  }
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  return createOpenAICompatible({ name: "openai", baseURL, fetch, ...key }).embeddingModel(name);
}

/** What a server says is anybody's: as many vectors as texts, each of the right length and of numbers. */
function checked(vectors: readonly (readonly number[])[], count: number, dimensions: number): Float32Array[] {
  if (vectors.length !== count) throw senseless(`${vectors.length} vectors for ${count} texts`);
  return vectors.map((vector) => {
    if (vector.length !== dimensions)
      throw senseless(`a vector of ${vector.length} dimensions instead of ${dimensions}`);
    if (!vector.every(Number.isFinite)) throw senseless("a vector that is not of numbers");
    return toUnit(Float32Array.from(vector));
  });
}

function senseless(what: string): GloveboxError {
  return new GloveboxError("model_unavailable", `the embedder answered with ${what}`);
}
