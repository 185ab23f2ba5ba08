import type { EventPayloads, StoredEvent } from "./types/event.ts";
import type { ExecutionInfo } from "./types/execution.ts";

/** What came of an execution that is over. */
export interface Result {
  readonly execution: ExecutionInfo;
  readonly events: readonly StoredEvent[];
  /** Whether it ended as `ok`. */
  readonly ok: boolean;
  /** 0 when it went well; the program's own code, or the one that its status stands for (124 for `timeout`). */
  readonly exitCode: number | undefined;
  /** All of stdout as text; bytes that are not UTF-8 become replacement characters. */
  readonly stdout: string;
  readonly stderr: string;
  /** The value of the last expression, where the language has one. */
  readonly value: EventPayloads["value"] | undefined;
  readonly exception: EventPayloads["exception"] | undefined;
  /** Plots, tables and the like, in order. */
  readonly displays: readonly EventPayloads["display"][];
}

export function resultOf(execution: ExecutionInfo, events: readonly StoredEvent[]): Result {
  return {
    execution,
    events,
    ok: execution.status === "ok",
    exitCode: execution.exitCode,
    stdout: outputText(events, "stdout"),
    stderr: outputText(events, "stderr"),
    value: execution.result,
    exception: execution.error,
    displays: events.flatMap((event) => (event.type === "display" ? [event.payload] : [])),
  };
}

/** The text of one output stream, with characters whole even where bytes were split over events. */
export function outputText(events: readonly StoredEvent[], stream: "stdout" | "stderr"): string {
  const decoder = new TextDecoder();
  let text = "";
  for (const event of events) {
    if (event.type === stream) text += decoder.decode(outputBytes(event.payload), { stream: true });
  }
  return text + decoder.decode();
}

const encoder = new TextEncoder();

/** The bytes that an output event carries. */
export function outputBytes(payload: EventPayloads["stdout"]): Uint8Array {
  return "text" in payload ? encoder.encode(payload.text) : fromBase64(payload.base64);
}

export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // In slices: an argument list has a limit.
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}
