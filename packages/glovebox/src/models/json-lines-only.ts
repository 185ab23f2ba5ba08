import { GloveboxError } from "../core/index.ts";

/** Bytes of one line. */
const MAX_LINE = 1_048_576;

/**
 * Ends a stream of newline-delimited JSON at the first line that is none, with `model_unavailable`. Ollama's client would print such a line, whatever is in it, on
 * the server's own console and go on.
 */
export function jsonLinesOnly(): TransformStream<Uint8Array, Uint8Array> {
  let rest = "";
  const decoder = new TextDecoder();
  const check = (line: string) => {
    if (line.trim() === "") return;
    try {
      JSON.parse(line);
    } catch (error) {
      throw garbage(error);
    }
  };
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) check(line);
      if (rest.length > MAX_LINE) throw garbage();
      controller.enqueue(chunk);
    },
    flush: () => check(rest + decoder.decode()),
  });
}

function garbage(cause?: unknown): GloveboxError {
  return new GloveboxError("model_unavailable", "what came is no JSON", { details: { retryable: true }, cause });
}
