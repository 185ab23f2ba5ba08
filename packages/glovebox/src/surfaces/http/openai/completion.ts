import type { TurnResult } from "../../../chat/index.ts";
import type { Completion } from "../../operations/openai.ts";
import { answerText } from "./answer-text.ts";

export interface CompletionFrame {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  /** As it was asked for. */
  readonly model: string;
}

export function completionOf(frame: CompletionFrame, result: TurnResult, kept: boolean): Completion {
  const calls = toolCallsOf(result);
  const content = answerText(result);
  return {
    ...frame,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: content === "" && calls.length > 0 ? null : content,
          refusal: null,
          ...(calls.length > 0 && { tool_calls: calls }),
        },
        finish_reason: finishReasonOf(result),
        logprobs: null,
      },
    ],
    usage: usageOf(result),
    ...(kept && { metadata: metadataOf(result) }),
  };
}

export function metadataOf({ conversationId }: TurnResult): Record<string, string> {
  return { conversation_id: conversationId };
}

export function toolCallsOf({ toolCalls = [] }: TurnResult) {
  return toolCalls.map(({ id, name, input }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: typeof input === "string" ? input : JSON.stringify(input) },
  }));
}

export function finishReasonOf({ finish, toolCalls = [] }: TurnResult): string {
  if (toolCalls.length > 0) return "tool_calls";
  if (finish === "length") return "length";
  return finish === "filtered" ? "content_filter" : "stop";
}

export function usageOf({ usage: { inputTokens, outputTokens } }: TurnResult) {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
}
