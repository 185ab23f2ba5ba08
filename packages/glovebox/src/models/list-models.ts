import { z } from "zod";
import { GloveboxError } from "../core/index.ts";
import type { ModelInfo } from "./model.ts";

const MAX_MODELS = 5_000;
const Name = z.string().min(1).max(256);

const OllamaTags = z.object({ models: z.array(z.object({ name: Name })).max(MAX_MODELS) });
const OpenAiModels = z.object({
  data: z.array(z.object({ id: Name, context_length: z.number().int().positive().optional() })).max(MAX_MODELS),
});

/** The address and headers of a provider's list of models. */
export interface ModelList {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly format: "ollama" | "openai";
}

/** What a provider offers, by name. `model_unavailable` when its answer is no such list. */
export async function listModels(
  { url, headers, format }: ModelList,
  fetch: typeof globalThis.fetch,
): Promise<readonly ModelInfo[]> {
  const response = await fetch(url, { headers });
  if (!response.ok) {
    await response.body?.cancel();
    const code = response.status === 401 || response.status === 403 ? "permission_denied" : "model_unavailable";
    throw new GloveboxError(code, `the list of models cannot be had: ${response.status}`, {
      details: { status: response.status },
    });
  }
  const body: unknown = await response.json();
  const found = format === "ollama" ? fromOllama(body) : fromOpenAi(body);
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function fromOllama(body: unknown): ModelInfo[] {
  return parsed(OllamaTags, body).models.map(({ name }) => ({ name }));
}

function fromOpenAi(body: unknown): ModelInfo[] {
  return parsed(OpenAiModels, body).data.map(({ id: name, context_length: contextTokens }) =>
    contextTokens === undefined ? { name } : { name, contextTokens },
  );
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new GloveboxError("model_unavailable", "what came is no list of models", { cause: result.error });
}
