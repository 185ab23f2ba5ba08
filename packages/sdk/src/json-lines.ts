import { GloveboxError } from "./errors.ts";

/** More than any line of the server's has. */
const MAX_LINE = 1_048_576;

/** The JSON values of an answer that has one a line. `unavailable` when it breaks off. Leaving the loop early lets the answer go. */
export async function* jsonLines<T>(response: Response): AsyncGenerator<T, void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield parse<T>(line);
      if (rest.length > MAX_LINE) throw new GloveboxError("unavailable", "the server's answer has a line without end");
      if (done) break;
    }
    if (rest !== "") throw new GloveboxError("unavailable", "the server's answer broke off");
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function parse<T>(line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch (cause) {
    throw new GloveboxError("unavailable", "the server's answer is not JSON lines", { cause });
  }
}
