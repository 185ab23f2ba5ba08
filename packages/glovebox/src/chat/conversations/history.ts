import type { ModelMessage } from "../../core/index.ts";

/** Of what was said before, a model is told this much: the newest. */
export const MAX_HISTORY_MESSAGES = 1_000;
/** UTF-16 units. */
export const MAX_HISTORY_CHARS = 400_000;

/** The newest of what was said that is not too much. Begins with what a user said: an answer to a call that is left out makes no sense to a model. */
export function recentHistory(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  let chars = 0;
  let from = messages.length;
  while (from > 0 && messages.length - from < MAX_HISTORY_MESSAGES) {
    const message = messages[from - 1];
    if (message === undefined) break;
    chars += sizeOf(message);
    if (chars > MAX_HISTORY_CHARS) break;
    from -= 1;
  }
  const recent = messages.slice(from);
  if (from === 0) return recent;
  const first = recent.findIndex(({ role }) => role === "user");
  return first < 0 ? [] : recent.slice(first);
}

function sizeOf(message: ModelMessage): number {
  const calls =
    message.role === "assistant" && message.toolCalls !== undefined ? JSON.stringify(message.toolCalls) : "";
  return message.text.length + calls.length;
}
