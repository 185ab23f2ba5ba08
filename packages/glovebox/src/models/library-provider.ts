import type { LanguageModelV4 } from "@ai-sdk/provider";
import { boundedFetch } from "./bounded-fetch.ts";
import type { AskOptions, ModelAnswer, ModelInfo, ModelProvider, ModelRequest, ModelUsage } from "./model.ts";
import { type Reading, readAnswer } from "./read-answer.ts";
import { toModelError } from "./to-error.ts";
import { toCallOptions } from "./to-prompt.ts";

export interface LibraryProviderOptions {
  readonly name: string;
  /** With a `fetch` that ends with what is asked. */
  readonly model: (name: string, fetch: typeof globalThis.fetch) => Promise<LanguageModelV4>;
  readonly list: (fetch: typeof globalThis.fetch) => Promise<readonly ModelInfo[]>;
  readonly idleTimeoutMs: number;
  /** US dollars for a million tokens, by model. */
  readonly prices: Readonly<Record<string, { readonly input: number; readonly output: number }>>;
}

/** Asks through a provider of the `ai` library. Always streams: a server that dies in the middle leaves what had come. */
export class LibraryProvider implements ModelProvider {
  readonly name: string;
  readonly #options: LibraryProviderOptions;

  constructor(options: LibraryProviderOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async ask(request: ModelRequest, { signal, onText }: AskOptions = {}): Promise<ModelAnswer> {
    const reading: Reading = { text: "" };
    try {
      signal?.throwIfAborted();
      const model = await this.#options.model(request.model, this.#fetch(signal));
      const { stream } = await model.doStream(toCallOptions(request, signal));
      const answer = await readAnswer(stream, request, reading, onText);
      return { ...answer, usage: this.#priced(request.model, answer.usage) };
    } catch (error) {
      throw toModelError(error, { provider: this.name, signal, partial: reading.text });
    }
  }

  async models(signal?: AbortSignal): Promise<readonly ModelInfo[]> {
    try {
      return await this.#options.list(this.#fetch(signal));
    } catch (error) {
      throw toModelError(error, { provider: this.name, signal, partial: "" });
    }
  }

  #fetch(signal: AbortSignal | undefined): typeof fetch {
    return boundedFetch(this.#options.idleTimeoutMs, signal);
  }

  #priced(model: string, usage: ModelUsage): ModelUsage {
    const price = this.#options.prices[model];
    if (price === undefined || usage.dollars !== undefined) return usage;
    return { ...usage, dollars: (usage.inputTokens * price.input + usage.outputTokens * price.output) / 1_000_000 };
  }
}
