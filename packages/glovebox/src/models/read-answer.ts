import type { LanguageModelV4StreamPart, LanguageModelV4ToolCall, LanguageModelV4Usage } from "@ai-sdk/provider";
import { GloveboxError } from "../core/index.ts";
import type { AskOptions, ModelAnswer, ModelRequest, ToolCall } from "./model.ts";

/** Characters of one answer's text. */
const MAX_TEXT_CHARS = 4 * 1_048_576;
const MAX_TOOL_CALLS = 128;
/** Characters of one call's input. */
const MAX_INPUT_CHARS = 1_048_576;

type Finish = Extract<LanguageModelV4StreamPart, { readonly type: "finish" }>;

/** What came of an answer, also when it then broke off. */
export interface Reading {
  text: string;
}

/** Reads an answer off the library's stream. The model is a stranger: everything is bounded, and what makes no sense is `model_unavailable`. */
export async function readAnswer(
  parts: ReadableStream<LanguageModelV4StreamPart>,
  request: ModelRequest,
  reading: Reading,
  onText: AskOptions["onText"],
): Promise<ModelAnswer> {
  const toolCalls: ToolCall[] = [];
  let finish: Finish | undefined;
  let model = request.model;
  for await (const part of parts) {
    if (part.type === "text-delta" && part.delta !== "") {
      reading.text += part.delta;
      if (reading.text.length > MAX_TEXT_CHARS) throw senseless("the answer does not end");
      onText?.(part.delta);
    } else if (part.type === "tool-call") {
      toolCalls.push(toToolCall(part, toolCalls.length));
      if (toolCalls.length > MAX_TOOL_CALLS) throw senseless("the answer calls tools without end");
    } else if (part.type === "response-metadata") model = part.modelId ?? model;
    else if (part.type === "finish") finish = part;
    else if (part.type === "error") throw part.error;
  }
  if (finish === undefined || finish.finishReason.unified === "error") throw senseless("the answer broke off");
  const { text } = reading;
  return {
    text,
    toolCalls,
    ...(request.output === undefined ? {} : { object: parsedObject(text) }),
    usage: usageOf(finish.usage),
    finish: finishOf(finish, toolCalls),
    model,
  };
}

function toToolCall({ toolCallId, toolName, input }: LanguageModelV4ToolCall, index: number): ToolCall {
  if (input.length > MAX_INPUT_CHARS) throw senseless(`the input of ${toolName} is too large`);
  return { id: toolCallId === "" ? `call-${index}` : toolCallId, name: toolName, input: parsedInput(input) };
}

function parsedInput(input: string): unknown {
  if (input.trim() === "") return {};
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}

function parsedObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw senseless("the answer is not the JSON that was asked for", error);
  }
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): ModelAnswer["usage"] {
  return { inputTokens: count(inputTokens.total), outputTokens: count(outputTokens.total) };
}

/** A provider may say anything; a budget must not get anything back from it. */
function count(tokens: number | undefined): number {
  return tokens !== undefined && Number.isFinite(tokens) && tokens > 0 ? Math.ceil(tokens) : 0;
}

function finishOf({ finishReason: { unified } }: Finish, toolCalls: readonly ToolCall[]): ModelAnswer["finish"] {
  if (unified === "length") return "length";
  if (unified === "content-filter") return "filtered";
  return toolCalls.length > 0 ? "tools" : "stop";
}

function senseless(message: string, cause?: unknown): GloveboxError {
  return new GloveboxError("model_unavailable", message, { details: { retryable: true }, cause });
}
