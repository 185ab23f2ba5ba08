import type { EventPage, FollowOptions, StoredEvent } from "@glovebox/sdk";
import { type Colours, coloursFor } from "./colours.ts";
import { formatFor, printJson } from "./print.ts";
import { printableLine } from "./printable.ts";

export interface EventSource {
  readonly page: (request: { afterSeq?: number; limit?: number }) => Promise<EventPage>;
  readonly follow: (options: FollowOptions) => AsyncIterable<StoredEvent>;
}

export interface EventFlags {
  readonly json?: boolean | undefined;
  readonly follow?: boolean;
  readonly after?: number;
  readonly limit?: number;
}

/** Shows events: a page of them, or live. With `--json --follow` one event is one line. */
export async function showEvents(flags: EventFlags, source: EventSource): Promise<void> {
  const colours = coloursFor(process.stdout);
  const show = (event: StoredEvent) => {
    process.stdout.write(`${flags.json === true ? JSON.stringify(event) : eventLine(event, colours)}\n`);
  };
  if (flags.follow === true) {
    for await (const event of source.follow(flags.after === undefined ? {} : { afterSeq: flags.after })) show(event);
    return;
  }
  const page = await source.page({
    ...(flags.after !== undefined && { afterSeq: flags.after }),
    ...(flags.limit !== undefined && { limit: flags.limit }),
  });
  if (formatFor(flags) === "json") return printJson(page);
  for (const event of page.items) show(event);
}

/** One event on one line: seq, time, type, what. */
export function eventLine(event: StoredEvent, colours: Colours): string {
  const head = `${colours.dim(String(event.seq).padStart(5))}  ${colours.dim(event.ts.slice(11, 23))}`;
  return `${head}  ${typeText(event, colours)}  ${printableLine(eventText(event), 2000)}`;
}

function typeText(event: StoredEvent, colours: Colours): string {
  const text = event.type.padEnd(10);
  if (event.type === "exception") return colours.red(text);
  if (event.type === "stderr" || event.type === "system") return colours.yellow(text);
  return event.type === "value" ? colours.green(text) : colours.cyan(text);
}

/** What an event says, in words. */
export function eventText(event: StoredEvent): string {
  switch (event.type) {
    case "input_echo":
      return event.payload.text;
    case "stdout":
    case "stderr":
      return "text" in event.payload ? event.payload.text : `(base64) ${event.payload.base64}`;
    case "console":
      return `${event.payload.level}: ${event.payload.text}`;
    case "value":
      return `${event.payload.type} ${event.payload.preview}`;
    case "display":
      return Object.keys(event.payload.mime).join(", ");
    case "exception":
      return `${event.payload.name}: ${event.payload.message}`;
    case "system":
      return `${event.payload.code}: ${event.payload.message}`;
    default: {
      // A later server may tell of kinds that this command does not know.
      const unknown: { payload?: unknown } = event satisfies never;
      return JSON.stringify(unknown.payload);
    }
  }
}
