/** How Ollama, OpenAI and Anthropic answer a chat on the wire: https://docs.ollama.com/api, https://platform.openai.com/docs/api-reference/chat, https://docs.anthropic.com/en/api/messages-streaming. */

export interface WireCall {
  readonly name: string;
  readonly input: unknown;
}

export interface WireReply {
  readonly text: string;
  readonly toolCalls: readonly WireCall[];
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const PIECE = 16;

function pieces(text: string): string[] {
  return text.match(new RegExp(`[^]{1,${PIECE}}`, "g")) ?? [];
}

const CREATED = 1_700_000_000;

/** Newline-delimited JSON, one object a piece. */
export function* ollamaStream(
  model: string,
  { text, toolCalls, inputTokens, outputTokens }: WireReply,
): Generator<string> {
  const base = { model, created_at: new Date(CREATED * 1000).toISOString() };
  const line = (body: object) => `${JSON.stringify({ ...base, ...body })}\n`;
  for (const content of pieces(text)) yield line({ message: { role: "assistant", content }, done: false });
  if (toolCalls.length > 0) {
    const tool_calls = toolCalls.map(({ name, input }) => ({ function: { name, arguments: input } }));
    yield line({ message: { role: "assistant", content: "", tool_calls }, done: false });
  }
  const counts = { prompt_eval_count: inputTokens, eval_count: outputTokens };
  yield line({ message: { role: "assistant", content: "" }, done: true, done_reason: "stop", ...counts });
}

/** Server-sent events with chunks, then `[DONE]`. */
export function* openAiStream(
  model: string,
  { text, toolCalls, inputTokens, outputTokens }: WireReply,
): Generator<string> {
  const base = { id: "chatcmpl-test", object: "chat.completion.chunk", created: CREATED, model };
  const event = (body: object) => `data: ${JSON.stringify({ ...base, ...body })}\n\n`;
  const delta = (value: object) => event({ choices: [{ index: 0, delta: value, finish_reason: null }] });
  yield delta({ role: "assistant", content: "" });
  for (const content of pieces(text)) yield delta({ content });
  for (const [index, { name, input }] of toolCalls.entries()) {
    yield delta({ tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name, arguments: "" } }] });
    for (const part of pieces(typeof input === "string" ? input : JSON.stringify(input))) {
      yield delta({ tool_calls: [{ index, function: { arguments: part } }] });
    }
  }
  const finish_reason = toolCalls.length > 0 ? "tool_calls" : "stop";
  yield event({ choices: [{ index: 0, delta: {}, finish_reason }] });
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
  yield event({ choices: [], usage });
  yield "data: [DONE]\n\n";
}

/** Server-sent events, each with its name. */
export function* anthropicStream(model: string, reply: WireReply): Generator<string> {
  const { text, toolCalls, inputTokens, outputTokens } = reply;
  const event = (type: string, body: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
  const usage = { input_tokens: inputTokens, output_tokens: 1 };
  const message = { id: "msg_test", type: "message", role: "assistant", model, content: [], stop_reason: null, usage };
  yield event("message_start", { message: { ...message, stop_sequence: null } });
  let index = 0;
  if (text !== "") {
    yield event("content_block_start", { index, content_block: { type: "text", text: "" } });
    for (const piece of pieces(text))
      yield event("content_block_delta", { index, delta: { type: "text_delta", text: piece } });
    yield event("content_block_stop", { index });
    index += 1;
  }
  for (const { name, input } of toolCalls) {
    yield event("content_block_start", {
      index,
      content_block: { type: "tool_use", id: `toolu_${index}`, name, input: {} },
    });
    yield event("content_block_delta", {
      index,
      delta: { type: "input_json_delta", partial_json: JSON.stringify(input) },
    });
    yield event("content_block_stop", { index });
    index += 1;
  }
  const stop_reason = toolCalls.length > 0 ? "tool_use" : "end_turn";
  yield event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: outputTokens } });
  yield event("message_stop", {});
}
