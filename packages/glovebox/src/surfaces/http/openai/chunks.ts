import type { TurnEvent, TurnResult } from "../../../chat/index.ts";
import { appendixOf } from "./answer-text.ts";
import { type CompletionFrame, finishReasonOf, metadataOf, toolCallsOf, usageOf } from "./completion.ts";

export interface ChunkOptions {
  readonly includeUsage: boolean;
  /** Whether the conversation stays, so that its id is told. */
  readonly kept: boolean;
}

/** Said where the model was asked again: what such a client has shown cannot be taken back. */
const AGAIN = "\n\n[The model's answer broke off; it begins again.]\n\n";

/**
 * A turn as `chat.completion.chunk`s: the model's words as they come, what came of its code at the end, the client's tools' calls whole. `onFailure` gives what ends the
 * stream when the turn itself ended as `error`.
 */
export async function* chunksOf(
  frame: CompletionFrame,
  events: AsyncIterable<TurnEvent>,
  options: ChunkOptions,
  onFailure: (result: TurnResult) => unknown,
): AsyncGenerator<unknown> {
  const chunk = (delta: object, finish: string | null = null, more: object = {}) => ({
    ...frame,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
    ...more,
  });
  yield chunk({ role: "assistant", content: "" });
  let said = "";
  let attempt = 1;
  for await (const event of events) {
    if (event.type === "text") {
      if (event.attempt > attempt && said !== "") {
        yield chunk({ content: AGAIN });
        said = "";
      }
      attempt = event.attempt;
      said += event.text;
      yield chunk({ content: event.text });
    } else if (event.type === "completed") {
      const { result } = event;
      const rest = restOf(result, said) + appendixOf(result);
      if (rest !== "") yield chunk({ content: rest });
      if (result.status !== "completed") return yield onFailure(result);
      const calls = toolCallsOf(result);
      if (calls.length > 0) yield chunk({ tool_calls: calls.map((call, index) => ({ index, ...call })) });
      const metadata = options.kept ? { metadata: metadataOf(result) } : {};
      yield chunk({}, finishReasonOf(result), metadata);
      if (options.includeUsage) {
        yield { ...frame, object: "chat.completion.chunk", choices: [], usage: usageOf(result) };
      }
    }
  }
}

/** What of the answer was not said live, because it was there before anybody looked. */
function restOf({ text }: TurnResult, said: string): string {
  return text.startsWith(said) ? text.slice(said.length) : "";
}
