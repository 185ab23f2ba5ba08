import type { LanguageModelV4 } from "@ai-sdk/provider";
import { jsonLinesOnly } from "./json-lines-only.ts";
import { LibraryProvider } from "./library-provider.ts";
import { listModels, type ModelList } from "./list-models.ts";
import type { ModelProvider } from "./model.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { ScriptedProvider } from "./scripted-provider.ts";

type Remote = Exclude<ProviderSettings, { readonly kind: "scripted" }>;
type Fetch = typeof globalThis.fetch;

interface Parts {
  /** Loads the provider's library, which takes longer than most of a server's start. */
  readonly model: (name: string, fetch: Fetch) => Promise<LanguageModelV4>;
  readonly list: ModelList;
}

const OLLAMA = "http://127.0.0.1:11434";
const OPENROUTER = "https://openrouter.ai/api/v1";
const ANTHROPIC = "https://api.anthropic.com/v1";
/** Of Anthropic's interface, as its documentation names it. */
const ANTHROPIC_VERSION = "2023-06-01";

/** A provider as configured. Nothing is sent before it is asked. */
export function openProvider(settings: ProviderSettings): ModelProvider {
  if (settings.kind === "scripted") return new ScriptedProvider(settings.script);
  const { kind, idleTimeoutMs, prices } = settings;
  const { model, list } = PARTS[kind](settings as never);
  return new LibraryProvider({ name: kind, model, list: (fetch) => listModels(list, fetch), idleTimeoutMs, prices });
}

const PARTS: { readonly [K in Remote["kind"]]: (settings: Remote & { readonly kind: K }) => Parts } = {
  ollama: ({ baseUrl = OLLAMA, apiKey }) => {
    const baseURL = trimmed(baseUrl);
    const key = apiKey === undefined ? {} : { apiKey };
    return {
      model: async (name, fetch) => {
        const { createOllama } = await import("ai-sdk-ollama");
        return createOllama({ baseURL, fetch: onlyJsonLines(fetch), ...key }).chat(name);
      },
      list: { url: `${baseURL}/api/tags`, headers: bearer(apiKey), format: "ollama" },
    };
  },
  openai: ({ baseUrl, apiKey }) => {
    const baseURL = trimmed(baseUrl);
    const key = apiKey === undefined ? {} : { apiKey };
    const settings = { name: "openai", baseURL, includeUsage: true, supportsStructuredOutputs: true, ...key };
    return {
      model: async (name, fetch) => {
        const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
        return createOpenAICompatible({ ...settings, fetch }).chatModel(name);
      },
      list: { url: `${baseURL}/models`, headers: bearer(apiKey), format: "openai" },
    };
  },
  openrouter: ({ baseUrl = OPENROUTER, apiKey }) => {
    const baseURL = trimmed(baseUrl);
    const settings = { baseURL, compatibility: "strict", apiKey: apiKey ?? "" } as const;
    return {
      model: async (name, fetch) => {
        const { createOpenRouter } = await import("@openrouter/ai-sdk-provider");
        return createOpenRouter({ ...settings, fetch }).chat(name, { usage: { include: true } });
      },
      list: { url: `${baseURL}/models`, headers: bearer(apiKey), format: "openai" },
    };
  },
  anthropic: ({ baseUrl = ANTHROPIC, apiKey }) => {
    const baseURL = trimmed(baseUrl);
    const headers = { "x-api-key": apiKey ?? "", "anthropic-version": ANTHROPIC_VERSION };
    return {
      model: async (name, fetch) => {
        const { createAnthropic } = await import("@ai-sdk/anthropic");
        return createAnthropic({ baseURL, fetch, apiKey: apiKey ?? "" }).languageModel(name);
      },
      list: { url: `${baseURL}/models?limit=1000`, headers, format: "openai" },
    };
  },
};

function onlyJsonLines(fetch: Fetch): Fetch {
  return async (input, init) => {
    const { body, ok, status, statusText, headers } = await fetch(input, init);
    return new Response(ok && body !== null ? body.pipeThrough(jsonLinesOnly()) : body, {
      status,
      statusText,
      headers,
    });
  };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}

function bearer(apiKey: string | undefined): Readonly<Record<string, string>> {
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}
