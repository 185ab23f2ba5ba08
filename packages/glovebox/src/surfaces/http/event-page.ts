import type { FastifyRequest } from "fastify";
import { GloveboxError, type StoredEvent } from "../../core/index.ts";

export const DEFAULT_EVENTS = 1000;

/** Whether the client asked for the live stream instead of a page. */
export function wantsStream(request: FastifyRequest): boolean {
  return request.headers.accept?.includes("text/event-stream") ?? false;
}

/** Where reading starts: `Last-Event-ID` (sent by a client that lost its stream) before `afterSeq`. */
export function firstSeq(request: FastifyRequest, afterSeq: number | undefined): number {
  const last = request.headers["last-event-id"];
  if (last === undefined || last === "") return afterSeq ?? 0;
  if (typeof last === "string" && /^\d{1,15}$/.test(last)) return Number(last);
  throw new GloveboxError("invalid_argument", "Last-Event-ID must be an event's seq", {
    details: { in: "header", path: "last-event-id" },
  });
}

export interface EventRange {
  readonly afterSeq: number;
  readonly limit: number;
}

export interface EventPageOptions {
  readonly afterSeq: number;
  readonly limit?: number | undefined;
  readonly isOver: () => Promise<boolean>;
  readonly read: (range: EventRange) => Promise<readonly StoredEvent[]>;
}

/**
 * One page. `done` is asked before reading: what is over then has all its events on disk, so a page that is not full
 * ends the stream.
 */
export async function eventPage(options: EventPageOptions) {
  const limit = options.limit ?? DEFAULT_EVENTS;
  const over = await options.isOver();
  const items = await options.read({ afterSeq: options.afterSeq, limit });
  return {
    items,
    nextAfterSeq: items.at(-1)?.seq ?? options.afterSeq,
    done: over && items.length < limit,
  };
}
