import type { TurnAsk, TurnInput } from "../../../chat/index.ts";
import { GloveboxError, type ModelMessage } from "../../../core/index.ts";
import type { CompletionRequest } from "../../operations/openai.ts";

type Message = CompletionRequest["messages"][number];
type Content = Exclude<Extract<Message, { role: "assistant" }>["content"], null | undefined>;

/** The turn that a completion asks for. Errors: `invalid_argument` where the messages make no sense together. */
export function turnOf(request: CompletionRequest): TurnInput {
  const conversationId = request.metadata?.conversation_id;
  const all = messagesOf(request.messages);
  const messages = conversationId === undefined ? all : all.slice(all.findLastIndex(isAnswer) + 1);
  const last = messages.at(-1);
  if (last === undefined || isAnswer(last)) throw refuse("messages", "the last message must be the user's or a tool's");
  return {
    assistant: request.model,
    messages,
    ...(conversationId !== undefined && { conversationId }),
    ask: askOf(request),
  };
}

const isAnswer = ({ role }: ModelMessage) => role === "assistant";

function askOf(request: CompletionRequest): TurnAsk {
  const { temperature, tools, tool_choice: toolChoice } = request;
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const instructions = request.messages
    .filter(({ role }) => role === "system" || role === "developer")
    .map(({ content }) => textOf(content as Content))
    .join("\n\n");
  return {
    ...(instructions !== "" && { instructions }),
    ...(temperature != null && { temperature }),
    ...(maxTokens != null && { maxTokens }),
    ...(tools != null &&
      tools.length > 0 && {
        tools: tools.map(({ function: { name, description, parameters } }) => ({
          name,
          description: description ?? "",
          inputSchema: parameters ?? { type: "object", properties: {} },
        })),
        ...(toolChoice != null && { toolChoice }),
      }),
  };
}

function messagesOf(messages: readonly Message[]): ModelMessage[] {
  const names = new Map<string, string>();
  return messages.flatMap((message, at): ModelMessage[] => {
    switch (message.role) {
      case "system":
      case "developer":
        return [];
      case "user":
        return [{ role: "user", text: textOf(message.content) }];
      case "assistant": {
        const toolCalls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => {
          names.set(id, name);
          return { id, name, input: parsed(given) };
        });
        const text = textOf(message.content ?? "");
        return [{ role: "assistant", text, ...(toolCalls.length > 0 && { toolCalls }) }];
      }
      case "tool": {
        const { tool_call_id: callId, content } = message;
        const name = names.get(callId);
        if (name === undefined) {
          throw refuse(`messages.${at}.tool_call_id`, "no assistant message before it made this call");
        }
        return [{ role: "tool", callId, name, text: textOf(content) }];
      }
      default:
        return message satisfies never;
    }
  });
}

function textOf(content: Content): string {
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : part.refusal)).join("");
}

/** Arguments as their model wrote them, which may be no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refuse(path: string, message: string): GloveboxError {
  return new GloveboxError("invalid_argument", `${path}: ${message}`, { details: { in: "body", path } });
}
