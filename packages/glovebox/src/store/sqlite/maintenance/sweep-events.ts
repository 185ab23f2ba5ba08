import { GloveboxError, LIVE_SESSION_STATUSES } from "../../../core/index.ts";
import { storeFailure } from "../connection.ts";
import { eventFiles } from "../data-folder.ts";
import type { StreamRow } from "../events/event-reader.ts";
import { eventFileEndMs } from "../events/file-name.ts";
import { query } from "../query.ts";
import { literals } from "../session-store.ts";
import type { NewRequest } from "../worker/messages.ts";
import type { SweepOptions, SweepParts } from "./sweep.ts";

const PAGE = 500;
/** Removals that share a commit. */
const TOGETHER = 20;

/**
 * Removes the events of streams that were last appended to at or before `cutoffMs`. A file whose week is over and whose streams are all
 * expired goes whole, which costs nothing; of the others only the expired streams are removed. Resolves to how many events went.
 */
export async function sweepEvents(parts: SweepParts, cutoffMs: number, options: SweepOptions): Promise<number> {
  let events = 0;
  for (const file of eventFiles(parts.folder.eventsFolder)) {
    if (options.signal.aborted) break;
    const weekOver = (eventFileEndMs(file) ?? Number.POSITIVE_INFINITY) <= options.nowMs;
    const { total, expired } = await expiredStreams(parts, file, cutoffMs);
    const counted = expired.reduce((sum, { lastSeq }) => sum + lastSeq, 0);
    if (options.dryRun) {
      events += counted;
    } else if (weekOver && expired.length === total) {
      events += await write(parts, { type: "drop", file, unlessAfterMs: cutoffMs, streams: total });
      parts.eventReader.forget(file);
    } else {
      events += await removeStreams(parts, file, expired, cutoffMs);
    }
  }
  return events;
}

async function expiredStreams(
  parts: SweepParts,
  file: string,
  cutoffMs: number,
): Promise<{ total: number; expired: StreamRow[] }> {
  const expired: StreamRow[] = [];
  let total = 0;
  let after = 0;
  for (;;) {
    const page = parts.eventReader.streams(file, after, PAGE);
    total += page.length;
    const old = page.filter(({ updatedMs }) => updatedMs <= cutoffMs);
    const live = liveStreams(parts, old);
    expired.push(...old.filter((stream) => !live.has(stream.stream)));
    if (page.length < PAGE) return { total, expired };
    after = page.at(-1)?.stream ?? 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Streams of live sessions and of their executions; of the other kinds, those that may still grow. */
function liveStreams(parts: SweepParts, streams: readonly StreamRow[]): Set<number> {
  const idsOf = (kind: string) => streams.filter((stream) => stream.kind === kind).map(({ id }) => id);
  const [executionIds, sessionIds] = [idsOf("execution"), idsOf("session")];
  const live = new Set<string>();
  if (executionIds.length > 0) {
    const rows = parts.reader.all(
      query
        .selectFrom("executions")
        .leftJoin("sessions", "sessions.id", "executions.session_id")
        .select("executions.id")
        .where("executions.id", "in", executionIds)
        .where((where) =>
          where.or([
            where("executions.status", "in", literals(["queued", "running"])),
            where("sessions.status", "in", literals(LIVE_SESSION_STATUSES)),
          ]),
        ),
    );
    for (const { id } of rows) live.add(id);
  }
  if (sessionIds.length > 0) {
    const rows = parts.reader.all(
      query
        .selectFrom("sessions")
        .select("id")
        .where("id", "in", sessionIds)
        .where("status", "in", literals(LIVE_SESSION_STATUSES)),
    );
    for (const { id } of rows) live.add(id);
  }
  const isLive = ({ kind, id, closed }: StreamRow) =>
    kind === "execution" || kind === "session" ? live.has(id) : closed === 0;
  return new Set(streams.filter(isLive).map(({ stream }) => stream));
}

async function removeStreams(
  parts: SweepParts,
  file: string,
  expired: readonly StreamRow[],
  cutoffMs: number,
): Promise<number> {
  let events = 0;
  for (let i = 0; i < expired.length; i += TOGETHER) {
    const removed = expired
      .slice(i, i + TOGETHER)
      .map(({ tenantId, kind, id }) =>
        write(parts, { type: "remove", file, tenantId, kind, streamId: id, unlessAfterMs: cutoffMs }),
      );
    for (const count of await Promise.all(removed)) events += count;
  }
  return events;
}

async function write(parts: SweepParts, request: NewRequest): Promise<number> {
  const reply = await parts.writer.request(request);
  if (reply.type === "changed") return Math.max(0, reply.events);
  if (reply.type === "failed") throw storeFailure("could not remove events", reply.code, reply.message);
  throw new GloveboxError("internal", `unexpected answer of the writer: ${reply.type}`);
}
