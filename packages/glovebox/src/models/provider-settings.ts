import { z } from "zod";

const Price = z.number().min(0).max(10_000);

/** One answer of a scripted model, given to the first question that fits. */
const ScriptedAnswer = z.strictObject({
  /** What the last message must contain; absent: anything. */
  contains: z.string().max(10_000).optional(),
  /** How many answers the conversation must have so far; absent: any number. */
  turn: z.number().int().min(0).max(10_000).optional(),
  text: z.string().max(1_000_000).default(""),
  toolCalls: z
    .array(z.strictObject({ name: z.string().min(1).max(64), input: z.json() }))
    .max(64)
    .default([]),
  /** Before the first text, milliseconds. */
  delayMs: z.number().int().min(0).max(60_000).default(0),
});

/** What a scripted model says. */
export const ModelScript = z.strictObject({
  answers: z.array(ScriptedAnswer).min(1).max(1_000),
});
export type ModelScript = z.infer<typeof ModelScript>;

const BASE = {
  /** Seconds without a byte from the server after which it counts as gone. */
  idleTimeoutMs: z.number().int().min(100).max(600_000).default(30_000),
  /** US dollars for a million tokens, where the provider does not tell what an answer cost. */
  prices: z
    .record(z.string(), z.strictObject({ input: Price, output: Price }))
    .default({})
    .describe("By model"),
};

const remote = { baseUrl: z.url({ protocol: /^https?$/ }).optional(), apiKey: z.string().min(1).max(4_096).optional() };

/** How a provider is reached. Unknown fields are errors. */
export const ProviderSettings = z.discriminatedUnion("kind", [
  /** Default `http://127.0.0.1:11434`. */
  z.strictObject({ kind: z.literal("ollama"), ...remote, ...BASE }),
  z.strictObject({ kind: z.literal("openrouter"), ...remote, ...BASE }),
  z.strictObject({ kind: z.literal("anthropic"), ...remote, ...BASE }),
  /** Any server that speaks OpenAI's chat completions; the address up to and with `/v1`. */
  z.strictObject({ kind: z.literal("openai"), ...remote, baseUrl: z.url({ protocol: /^https?$/ }), ...BASE }),
  z.strictObject({ kind: z.literal("scripted"), script: ModelScript }),
]);
export type ProviderSettings = z.infer<typeof ProviderSettings>;
/** With what may be left out left out. */
export type ProviderInput = z.input<typeof ProviderSettings>;
