import { z } from "zod";
import { defineOperations } from "./operation.ts";

/**
 * What clients of OpenAI's chat completions send and get: https://platform.openai.com/docs/api-reference/chat. Fields that are not known are taken and left
 * alone, here only: such clients send what their next version knows.
 */

const Text = z.string().max(1_000_000);
const Part = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: Text }),
  z.looseObject({ type: z.literal("refusal"), refusal: Text }),
]);
const Content = z.union(
  [Text, z.array(Part).max(1000)],
  "text, or parts of type text: a model is asked about code here",
);

const Call = z.looseObject({
  id: z.string().min(1).max(256),
  type: z.literal("function"),
  function: z.looseObject({ name: z.string().min(1).max(128), arguments: Text }),
});

const Message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.enum(["system", "developer"]), content: Content }),
  z.looseObject({ role: z.literal("user"), content: Content }),
  z.looseObject({
    role: z.literal("assistant"),
    content: Content.nullish(),
    tool_calls: z.array(Call).max(128).nullish(),
  }),
  z.looseObject({ role: z.literal("tool"), content: Content, tool_call_id: z.string().min(1).max(256) }),
]);

const Tool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, '_' and '-', 64 at most"),
    description: z.string().max(10_000).nullish(),
    parameters: z.record(z.string(), z.json()).nullish(),
  }),
});

export const CompletionRequest = z.looseObject({
  /** An assistant's name. */
  model: z.string().min(1).max(256),
  messages: z.array(Message).min(1).max(1000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  max_tokens: z.number().int().min(1).max(1_000_000).nullish(),
  max_completion_tokens: z.number().int().min(1).max(1_000_000).nullish(),
  /** The client's own: the model's calls go back to it. */
  tools: z.array(Tool).max(128).nullish(),
  tool_choice: z.enum(["auto", "none", "required"], "auto, none or required").nullish(),
  n: z.literal(1, "one answer at a time").nullish(),
  response_format: z.looseObject({ type: z.literal("text", "only text") }).nullish(),
  /** Keeps the conversation, whose id is in the answer's metadata. */
  store: z.boolean().nullish(),
  /** `conversation_id`: goes on with a conversation that was kept. */
  metadata: z.looseObject({ conversation_id: z.uuid().optional() }).nullish(),
});
export type CompletionRequest = z.output<typeof CompletionRequest>;

const Completion = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.number().int(),
      message: z.looseObject({ role: z.literal("assistant"), content: z.string().nullable(), refusal: z.null() }),
      finish_reason: z.string(),
      logprobs: z.null(),
    }),
  ),
  usage: z.looseObject({
    prompt_tokens: z.number(),
    completion_tokens: z.number(),
    total_tokens: z.number(),
  }),
  metadata: z.record(z.string(), z.string()).optional(),
});
export type Completion = z.output<typeof Completion>;

const Model = z.strictObject({
  id: z.string(),
  object: z.literal("model"),
  created: z.number().int(),
  owned_by: z.string(),
});

const leftOut = { leftOut: "for the clients of OpenAI: ours have `chat` and `assistants`" };

export const openAiOperations = defineOperations({
  "chat.completions": {
    method: "POST",
    path: "/v1/chat/completions",
    summary: "As OpenAI's chat completions, with an assistant as the model",
    minimumRole: "agent",
    body: CompletionRequest,
    answer: "json-or-sse",
    status: 200,
    response: Completion,
    dialect: "openai",
    sdk: leftOut,
    cli: leftOut,
  },
  "models.list": {
    method: "GET",
    path: "/v1/models",
    summary: "As OpenAI's list of models: the assistants",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: z.strictObject({ object: z.literal("list"), data: z.array(Model) }),
    dialect: "openai",
    sdk: leftOut,
    cli: leftOut,
  },
  "models.get": {
    method: "GET",
    path: "/v1/models/{name}",
    summary: "As OpenAI's model: an assistant",
    minimumRole: "viewer",
    params: z.strictObject({ name: z.string().min(1).max(256) }),
    answer: "json",
    status: 200,
    response: Model,
    dialect: "openai",
    sdk: leftOut,
    cli: leftOut,
  },
});
