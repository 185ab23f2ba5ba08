import { z } from "zod";

/** The kinds of event stream. Each stream is `(tenantId, kind, id)`. */
export const StreamKind = z.enum(["execution", "session", "run", "job", "conversation", "context"]);
export type StreamKind = z.infer<typeof StreamKind>;

export interface StreamRef {
  readonly tenantId: string;
  readonly kind: StreamKind;
  /** UUIDv7: its time decides which event file holds the stream. */
  readonly id: string;
}

export const ConsoleLevel = z.enum(["log", "info", "warn", "error", "debug"]);

/** Text where the bytes are UTF-8, base64 where they are not. */
const Output = z.union([z.strictObject({ text: z.string() }), z.strictObject({ base64: z.string() })]);
export type OutputPayload = z.infer<typeof Output>;

export const EventPayloads = {
  input_echo: z.strictObject({ text: z.string() }),
  stdout: Output,
  stderr: Output,
  console: z.strictObject({ level: ConsoleLevel, text: z.string(), args: z.array(z.json()).optional() }),
  value: z.strictObject({ type: z.string(), preview: z.string(), json: z.json().optional() }),
  display: z.strictObject({ mime: z.record(z.string(), z.string()) }),
  exception: z.strictObject({
    name: z.string(),
    message: z.string(),
    stack: z.string().optional(),
    line: z.number().int().optional(),
  }),
  system: z.strictObject({
    level: z.enum(["info", "warn", "error"]),
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.json()).optional(),
  }),
} as const;

export type EventType = keyof typeof EventPayloads;
export type EventPayload<T extends EventType> = z.infer<(typeof EventPayloads)[T]>;

/** An event before it has its place in a stream. */
export type NewEvent = {
  readonly [T in EventType]: { readonly type: T; readonly payload: EventPayload<T> };
}[EventType];

/** An event as stored and as every client sees it. `ts` is the host's clock, RFC 3339. */
export type StoredEvent = NewEvent & { readonly seq: number; readonly ts: string };
