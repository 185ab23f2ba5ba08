import type { ModelMessage, ToolCall } from "../core/index.ts";

export type { ModelMessage, ToolCall };

export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the input, an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** One question to a model. Plain JSON: it is the input of a step, so its hash is what a replay compares. */
export interface ModelRequest {
  /** As the provider names it. */
  readonly model: string;
  readonly system?: string;
  readonly messages: readonly ModelMessage[];
  readonly tools?: readonly ModelTool[];
  /** Default `auto` where there are tools. */
  readonly toolChoice?: "auto" | "none" | "required";
  /** Default 0: the same question should get the same answer. */
  readonly temperature?: number;
  /** Of the answer; default: the provider's. */
  readonly maxTokens?: number;
  readonly seed?: number;
  /** JSON Schema that the answer's text must fit; it comes back in `object`. */
  readonly output?: Readonly<Record<string, unknown>>;
}

export interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** US dollars, where the provider or the configured prices tell; absent: unknown. */
  readonly dollars?: number;
}

export interface ModelAnswer {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** What `output` asked for. */
  readonly object?: unknown;
  readonly usage: ModelUsage;
  /** `length`: cut off at `maxTokens`. `filtered`: the provider withheld it. */
  readonly finish: "stop" | "length" | "tools" | "filtered";
  /** The model that answered, as the provider says. */
  readonly model: string;
}

export interface AskOptions {
  readonly signal?: AbortSignal;
  /** Is told of the text as it comes, in order; together it is the answer's `text`. */
  readonly onText?: (text: string) => void;
}

export interface ModelInfo {
  readonly name: string;
  /** Tokens of question and answer together, where known. */
  readonly contextTokens?: number;
}

/**
 * Somebody who answers questions by a model. `ask` makes one request and no retries: whoever asks knows whether it is worth another. Errors:
 * `model_unavailable` when nobody answers, the answer breaks off or makes no sense (`details.retryable` tells whether another attempt may help,
 * `details.partial` has the text that had come), `invalid_argument` when the provider refuses the question or does not know the model,
 * `permission_denied` on a wrong key, `rate_limited` with `details.retryAfterMs`, `timeout` when nothing came for too long, `cancelled`.
 */
export interface ModelProvider {
  readonly name: string;
  ask(request: ModelRequest, options?: AskOptions): Promise<ModelAnswer>;
  /** What it offers now. */
  models(signal?: AbortSignal): Promise<readonly ModelInfo[]>;
}
