import type { LanguageModelV4CallOptions, LanguageModelV4Message } from "@ai-sdk/provider";
import type { ModelMessage, ModelRequest } from "./model.ts";

/** A question in the library's terms. */
export function toCallOptions(request: ModelRequest, signal: AbortSignal | undefined): LanguageModelV4CallOptions {
  const { system, messages, tools = [], toolChoice, temperature = 0, maxTokens, seed, output } = request;
  return {
    prompt: [
      ...(system === undefined ? [] : [{ role: "system", content: system } as const]),
      ...messages.map(toLibraryMessage),
    ],
    temperature,
    ...(maxTokens === undefined ? {} : { maxOutputTokens: maxTokens }),
    ...(seed === undefined ? {} : { seed }),
    ...(output === undefined ? {} : { responseFormat: { type: "json", schema: output } as const }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            type: "function" as const,
            name,
            description,
            inputSchema,
          })),
          toolChoice: { type: toolChoice ?? "auto" },
        }),
    ...(signal === undefined ? {} : { abortSignal: signal }),
  };
}

function toLibraryMessage(message: ModelMessage): LanguageModelV4Message {
  switch (message.role) {
    case "user":
      return { role: "user", content: [{ type: "text", text: message.text }] };
    case "assistant":
      return {
        role: "assistant",
        content: [
          ...(message.text === "" ? [] : [{ type: "text" as const, text: message.text }]),
          ...(message.toolCalls ?? []).map(({ id, name, input }) => ({
            type: "tool-call" as const,
            toolCallId: id,
            toolName: name,
            input,
          })),
        ],
      };
    case "tool": {
      const { callId: toolCallId, name: toolName, text: value, isError } = message;
      const output = { type: isError === true ? ("error-text" as const) : ("text" as const), value };
      return { role: "tool", content: [{ type: "tool-result", toolCallId, toolName, output }] };
    }
  }
}
