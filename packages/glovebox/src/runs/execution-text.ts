import type { OutputPayload, StoredEvent } from "../core/index.ts";

export interface ExecutionText {
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/** Collects what an execution printed, at most `max` characters of each stream. */
export function textOf(max: number): {
  take(event: StoredEvent): void;
  /** Nothing more will be kept. */
  readonly isFull: boolean;
  text(): ExecutionText;
} {
  const streams = { stdout: "", stderr: "" };
  let truncated = false;
  const add = (stream: keyof typeof streams, text: string) => {
    const room = max - streams[stream].length;
    streams[stream] += text.slice(0, room);
    truncated ||= text.length > room;
  };
  return {
    take(event) {
      if (event.type === "stdout" || event.type === "stderr") add(event.type, decoded(event.payload));
      else if (event.type === "console") {
        const { level, text } = event.payload;
        add(level === "error" || level === "warn" ? "stderr" : "stdout", `${text}\n`);
      }
    },
    get isFull() {
      return streams.stdout.length >= max && streams.stderr.length >= max && truncated;
    },
    text: () => ({ ...streams, truncated }),
  };
}

/** Bytes that are no UTF-8 come as replacement characters: a journal holds text. */
function decoded(output: OutputPayload): string {
  return "text" in output ? output.text : Buffer.from(output.base64, "base64").toString("utf8");
}
