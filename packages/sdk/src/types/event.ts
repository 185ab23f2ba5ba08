import type { Json } from "./json.ts";

/** Text where the bytes are UTF-8, base64 where they are not. */
export type OutputPayload = { readonly text: string } | { readonly base64: string };

export interface EventPayloads {
  readonly input_echo: { readonly text: string };
  readonly stdout: OutputPayload;
  readonly stderr: OutputPayload;
  readonly console: {
    readonly level: "log" | "info" | "warn" | "error" | "debug";
    readonly text: string;
    readonly args?: readonly Json[];
  };
  readonly value: { readonly type: string; readonly preview: string; readonly json?: Json };
  readonly display: { readonly mime: Readonly<Record<string, string>> };
  readonly exception: {
    readonly name: string;
    readonly message: string;
    readonly stack?: string;
    readonly line?: number;
  };
  readonly system: {
    readonly level: "info" | "warn" | "error";
    readonly code: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, Json>>;
  };
}

export type EventType = keyof EventPayloads;

/** One thing that happened. `seq` is contiguous from 1 within its stream; `ts` is the host's clock, RFC 3339. */
export type StoredEvent = {
  readonly [T in EventType]: {
    readonly type: T;
    readonly payload: EventPayloads[T];
    readonly seq: number;
    readonly ts: string;
  };
}[EventType];
