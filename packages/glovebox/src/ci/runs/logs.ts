import type { CiJob, CiRun, CiStep, StoredEvent } from "../../core/index.ts";
import type { ExecutionService } from "../../sessions/index.ts";
import type { CiLogLine } from "./start-request.ts";

const PAGE = 1_000;

/** What a completed run's steps printed, job by job, step by step. `only`: one job's, by key. */
export async function* storedLogs(
  executions: Pick<ExecutionService, "events">,
  run: CiRun,
  only: string | undefined,
): AsyncGenerator<CiLogLine> {
  for (const job of run.jobs) {
    if (only !== undefined && job.key !== only) continue;
    for (const step of job.steps)
      for (const id of step.executionIds) yield* linesOf(executions, run, { job, step, id });
  }
}

/** The same as it comes, over all jobs, until the run is completed. `states`: the run at every change. */
export async function* followLogs(
  executions: Pick<ExecutionService, "follow">,
  states: AsyncIterable<CiRun>,
  only: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<CiLogLine> {
  const lines: CiLogLine[] = [];
  const seen = new Set<string>();
  let open = 1;
  let failure: { readonly error: unknown } | undefined;
  let news = Promise.withResolvers<void>();
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const pour = async (source: AsyncIterable<CiLogLine>) => {
    for await (const line of source) {
      lines.push(line);
      news.resolve();
    }
  };
  const ended = (work: Promise<void>) =>
    void work
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        open -= 1;
        news.resolve();
      });
  const watch = async () => {
    for await (const run of states) {
      if (either.aborted) return;
      for (const one of unseen(run, only, seen)) {
        open += 1;
        ended(pour(liveLines(executions, run, one, either)));
      }
    }
  };
  ended(watch());
  try {
    for (;;) {
      yield* lines.splice(0);
      if (failure !== undefined) throw failure.error;
      if (open === 0 && lines.length === 0) return;
      await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    stop.abort();
  }
}

interface Origin {
  readonly job: CiJob;
  readonly step: CiStep;
  readonly id: string;
}

function unseen(run: CiRun, only: string | undefined, seen: Set<string>): readonly Origin[] {
  const found: Origin[] = [];
  for (const job of run.jobs) {
    if (only !== undefined && job.key !== only) continue;
    for (const step of job.steps) {
      for (const id of step.executionIds) if (!seen.has(id)) found.push({ job, step, id });
    }
  }
  for (const { id } of found) seen.add(id);
  return found;
}

async function* linesOf(
  executions: Pick<ExecutionService, "events">,
  run: CiRun,
  origin: Origin,
): AsyncGenerator<CiLogLine> {
  let afterSeq = 0;
  let page: readonly StoredEvent[];
  do {
    page = await executions.events(run.tenantId, origin.id, { afterSeq, limit: PAGE });
    for (const event of page) {
      const line = lineOf(event, origin);
      if (line !== undefined) yield line;
    }
    afterSeq = page.at(-1)?.seq ?? afterSeq;
  } while (page.length === PAGE);
}

async function* liveLines(
  executions: Pick<ExecutionService, "follow">,
  run: CiRun,
  origin: Origin,
  signal: AbortSignal,
): AsyncGenerator<CiLogLine> {
  for await (const event of executions.follow(run.tenantId, origin.id, { signal })) {
    const line = lineOf(event, origin);
    if (line !== undefined) yield line;
  }
}

function lineOf(event: StoredEvent, { job, step, id }: Origin): CiLogLine | undefined {
  if (event.type !== "stdout" && event.type !== "stderr") return undefined;
  const { payload } = event;
  return {
    atMs: Date.parse(event.ts),
    job: job.key,
    step: { number: step.number, name: step.name },
    stream: event.type,
    text: "text" in payload ? payload.text : Buffer.from(payload.base64, "base64").toString("utf8"),
    executionId: id,
    seq: event.seq,
  };
}
