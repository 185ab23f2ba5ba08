import { GloveboxError, idTimeMs, isId, type StreamRef } from "../../../core/index.ts";
import type { StreamAddress } from "../worker/messages.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
/** The last millisecond of the year 9999: an id beyond was not made by us. */
const MAX_TIME_MS = 253_402_300_799_999;
const FILE_NAME = /^events-(\d{4})(\d{2})(\d{2})\.db$/;

/** The event file of a stream: one a week (UTC, named by its Monday), by the creation time in the stream's id. */
export function eventFileOf(streamId: string): string {
  const mondayMs = Math.floor((idTimeMs(streamId) - FIRST_MONDAY_MS) / WEEK_MS) * WEEK_MS + FIRST_MONDAY_MS;
  return `events-${new Date(Math.max(0, mondayMs)).toISOString().slice(0, 10).replaceAll("-", "")}.db`;
}

/** When the file's week is over and no new stream gets into it; `undefined` when `name` is no event file. */
export function eventFileEndMs(name: string): number | undefined {
  const parts = FILE_NAME.exec(name);
  return parts === null ? undefined : Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])) + WEEK_MS;
}

/** Where a stream is kept. `invalid_argument` when its id is no UUIDv7. */
export function addressOf(stream: StreamRef): StreamAddress {
  if (!isId(stream.id) || idTimeMs(stream.id) > MAX_TIME_MS) {
    throw new GloveboxError("invalid_argument", "a stream's id must be a UUIDv7", { details: { path: "id" } });
  }
  return { file: eventFileOf(stream.id), tenantId: stream.tenantId, kind: stream.kind, streamId: stream.id };
}
