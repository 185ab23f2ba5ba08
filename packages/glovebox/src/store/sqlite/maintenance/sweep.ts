import { type Compilable, sql } from "kysely";
import { LIVE_SESSION_STATUSES, type Logger } from "../../../core/index.ts";
import type { RetentionPolicy } from "../../store.ts";
import type { DataFolder } from "../data-folder.ts";
import type { EventReader } from "../events/event-reader.ts";
import type { MainReader } from "../main-reader.ts";
import type { MainWrites } from "../main-writes.ts";
import { query } from "../query.ts";
import type { RunRemovals } from "../run-removals.ts";
import { literals } from "../session-store.ts";
import { note, type StreamRemovals } from "../stream-removals.ts";
import type { WriterThread } from "../writer-thread.ts";
import { sweepEvents } from "./sweep-events.ts";

const DAY_MS = 86_400_000;
const BATCH = 200;

export interface SweepParts {
  readonly folder: DataFolder;
  readonly reader: MainReader;
  readonly eventReader: EventReader;
  readonly writer: WriterThread;
  readonly writes: MainWrites;
  readonly removals: StreamRemovals;
  readonly runRemovals: RunRemovals;
  readonly logger: Logger;
}

export interface SweepOptions {
  readonly dryRun: boolean;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

type Counts = Record<keyof RetentionPolicy, number>;

/**
 * Removes what is past its retention and does not belong to a live session, a batch at a time. Each count is what that policy alone
 * removes: executions and events that go because their session goes are not counted again.
 */
export async function sweep(parts: SweepParts, policy: RetentionPolicy, options: SweepOptions): Promise<Counts> {
  const counts: Counts = { events: 0, executions: 0, closedSessions: 0, runs: 0 };
  const before = (days: number) => options.nowMs - days * DAY_MS;
  if (policy.events !== null) counts.events = await sweepEvents(parts, before(policy.events), options);
  if (policy.executions !== null) {
    counts.executions = await sweepExecutions(parts, iso(before(policy.executions)), options);
  }
  if (policy.closedSessions !== null) {
    counts.closedSessions = await sweepSessions(parts, iso(before(policy.closedSessions)), options);
  }
  if (policy.runs !== null) counts.runs = await sweepRuns(parts, iso(before(policy.runs)), options);
  if (!options.dryRun) {
    await parts.runRemovals.removeNoted(options.nowMs);
    parts.removals.removeSoon();
    parts.logger.info({ ...counts }, "swept what is past its retention");
  }
  return counts;
}

async function sweepExecutions(parts: SweepParts, before: string, options: SweepOptions): Promise<number> {
  const page = (after: Ended) =>
    query
      .selectFrom("executions")
      .select(["id", sql<string>`ended_at`.as("endedAt")])
      .where("ended_at", "<=", before)
      .where(isAfter(after))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("sessions")
              .select("sessions.id")
              .whereRef("sessions.id", "=", "executions.session_id")
              .where("sessions.status", "in", literals(LIVE_SESSION_STATUSES)),
          ),
        ),
      )
      .orderBy("ended_at")
      .orderBy("id")
      .limit(BATCH);
  return inBatches(parts, page, options, async (ids) => {
    const [, deleted] = await parts.writes.run("retention", [
      note({ kind: "execution", by: "id", values: ids }),
      { query: query.deleteFrom("executions").where("id", "in", ids) },
    ]);
    return deleted?.changes ?? 0;
  });
}

async function sweepSessions(parts: SweepParts, before: string, options: SweepOptions): Promise<number> {
  const page = (after: Ended) =>
    query
      .selectFrom("sessions")
      .select(["id", sql<string>`ended_at`.as("endedAt")])
      .where("status", "in", literals(["crashed", "closed", "lost"]))
      .where("ended_at", "<=", before)
      .where(isAfter(after))
      .orderBy("ended_at")
      .orderBy("id")
      .limit(BATCH);
  return inBatches(parts, page, options, async (ids) => {
    const results = await parts.writes.run("retention", [
      note({ kind: "execution", by: "session_id", values: ids }),
      note({ kind: "session", by: "id", values: ids }),
      { query: query.deleteFrom("executions").where("session_id", "in", ids) },
      { query: query.deleteFrom("snapshots").where("session_id", "in", ids) },
      { query: query.deleteFrom("sessions").where("id", "in", ids) },
    ]);
    return results.at(-1)?.changes ?? 0;
  });
}

/** Not those that were imported, whose end was elsewhere and long ago: they go by hand. Nor children of a run that goes on, which may ask for their results. */
async function sweepRuns(parts: SweepParts, before: string, options: SweepOptions): Promise<number> {
  const unfinished = literals(["queued", "running", "waiting"]);
  const page = (after: Ended) =>
    query
      .selectFrom("runs")
      .select(["id", sql<string>`ended_at`.as("endedAt")])
      .where("ended_at", "<=", before)
      .where(isAfter(after))
      .where("status", "not in", unfinished)
      .where(sql<boolean>`doc ->> '$.imported' IS NULL`)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("runs as parents")
              .select("parents.id")
              .whereRef("parents.id", "=", "runs.parent_id")
              .where("parents.status", "in", unfinished),
          ),
        ),
      )
      .orderBy("ended_at")
      .orderBy("id")
      .limit(BATCH);
  return inBatches(parts, page, options, async (ids) => {
    const results = await parts.writes.run("retention", parts.runRemovals.take(ids));
    return results.at(-1)?.changes ?? 0;
  });
}

/** In the order of the indexes over `ended_at`, so that a batch never looks at what is not expired. */
interface Ended {
  readonly id: string;
  readonly endedAt: string;
}

function isAfter({ id, endedAt }: Ended) {
  return sql<boolean>`ended_at >= ${endedAt} AND (ended_at > ${endedAt} OR id > ${id})`;
}

/** What ended never comes to life again, so that the ids found are still right when the writer gets them. */
async function inBatches(
  parts: SweepParts,
  page: (after: Ended) => Compilable<Ended>,
  { dryRun, signal }: SweepOptions,
  remove: (ids: readonly string[]) => Promise<number>,
): Promise<number> {
  let count = 0;
  let after: Ended | undefined = { id: "", endedAt: "" };
  while (after !== undefined && !signal.aborted) {
    const rows: Ended[] = parts.reader.all(page(after));
    const ids = rows.map(({ id }) => id);
    count += dryRun ? ids.length : ids.length > 0 ? await remove(ids) : 0;
    after = rows.length < BATCH ? undefined : rows.at(-1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return count;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
