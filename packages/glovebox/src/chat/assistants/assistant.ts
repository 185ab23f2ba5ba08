import { z } from "zod";
import { Language } from "../../core/schemas.ts";
import { ModelScript } from "../../models/index.ts";
import { HOOK_POINTS } from "../hooks/hook.ts";
import { OWN_TOOLS, TOOL_NAMES } from "../turn/tools.ts";

const Name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, '.', '_' and '-', 64 at most");

/** Which model answers, and how it is reached. */
const AssistantModel = z
  .strictObject({
    provider: z.enum(["ollama", "openrouter", "openai", "anthropic", "scripted"]),
    /** As the provider names it. */
    name: z.string().min(1).max(256),
    /** Needed for `openai`. */
    baseUrl: z.url({ protocol: /^https?$/ }).optional(),
    /** The environment variable of the server that holds the key. The key itself is in no configuration. */
    apiKeyEnv: z
      .string()
      .regex(/^[A-Z_][A-Z0-9_]{0,127}$/)
      .optional(),
    temperature: z.number().min(0).max(2).default(0),
    /** Of one answer. */
    maxTokens: z.number().int().min(1).max(1_000_000).optional(),
    /** Milliseconds without a byte from the provider after which it counts as gone. */
    idleTimeoutMs: z.number().int().min(100).max(600_000).default(30_000),
    /** US dollars for a million tokens, where the provider does not tell. */
    price: z.strictObject({ input: z.number().min(0), output: z.number().min(0) }).optional(),
    /** Other models that a request may name; it is refused to name any that is not here. */
    allow: z.array(z.string().min(1).max(256)).max(64).default([]),
    /** `scripted`: what it says. */
    script: ModelScript.optional(),
  })
  .refine(({ provider, baseUrl }) => provider !== "openai" || baseUrl !== undefined, {
    path: ["baseUrl"],
    message: "an OpenAI-compatible server needs its address",
  })
  .refine(({ provider, script }) => (provider === "scripted") === (script !== undefined), {
    path: ["script"],
    message: "a script belongs to the provider `scripted`, and is needed there",
  });

/** What may run, and how. */
const AssistantExecution = z.strictObject({
  /** Nothing runs without it. The answer says so when there was code. */
  enabled: z.boolean().default(false),
  /** `answer`: code in the model's answer runs. `tool`: the model is given tools. */
  mode: z.enum(["answer", "tool"]).default("answer"),
  template: z.string().min(1).max(64).default("python"),
  allowedLanguages: z.array(Language).min(1).max(8).optional(),
  /** From this confidence on a block runs by itself. */
  autoExecuteThreshold: z.number().min(0).max(1).default(0.8),
  /** From this confidence on a person is asked. */
  askThreshold: z.number().min(0).max(1).default(0.5),
  /** Of one execution, milliseconds. */
  timeoutMs: z.number().int().min(100).max(3_600_000).default(30_000),
  /** In the mode `tool`: what the model is given. Default: what works in the conversation's sandbox. */
  tools: z
    .array(z.enum(TOOL_NAMES))
    .min(1)
    .max(TOOL_NAMES.length)
    .default([...OWN_TOOLS]),
  /** Characters of one block. */
  maxCodeLength: z.number().int().min(1).max(1_000_000).default(10_000),
  /** How the conversation's session keeps its state; as in templates. */
  snapshots: z
    .strictObject({
      auto: z.enum(["never", "before_execution", "after_success"]).default("never"),
      rollbackOnFailure: z.boolean().default(false),
    })
    .prefault({}),
  /** How validation rules decide here, by their ids. */
  rules: z.record(z.string().max(128), z.enum(["block", "ask", "warn", "off"])).default({}),
});

const HookTiming = {
  points: z.array(z.enum(HOOK_POINTS)).min(1),
  timeoutMs: z.number().int().min(10).max(60_000).optional(),
};

/** A hook of the assistant's, in the order in which they run. */
const AssistantHook = z.union([
  /** By its name: see the page on hooks. */
  z.strictObject({ builtin: z.string().min(1).max(64), options: z.record(z.string(), z.json()).default({}) }),
  /** A module whose default export is a hook or a list of hooks. Its code is trusted. */
  z.strictObject({ module: z.string().min(1).max(4096) }),
  /** An endpoint that is asked, with a signature made with the secret in that environment variable. */
  z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    secretEnv: z.string().regex(/^[A-Z_][A-Z0-9_]{0,127}$/),
    ...HookTiming,
  }),
]);

/** A chat configuration: model, prompt, what it may execute and how. Unknown fields are errors. */
export const Assistant = z.strictObject({
  name: Name,
  description: z.string().max(1_000).optional(),
  model: AssistantModel,
  systemPrompt: z.string().max(100_000).default(""),
  execution: AssistantExecution.prefault({}),
  hooks: z.array(AssistantHook).max(32).default([]),
  /** Of one turn. */
  budget: z
    .strictObject({
      tokens: z.number().int().min(0).optional(),
      usd: z.number().min(0).optional(),
      wallMs: z.number().int().min(1).optional(),
      toolCalls: z.number().int().min(0).optional(),
    })
    .prefault({}),
  /** How long a person may take to approve, milliseconds; then it counts as refused. Default a day. */
  approvalTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(30 * 86_400_000)
    .default(86_400_000),
});
export type Assistant = z.infer<typeof Assistant>;
