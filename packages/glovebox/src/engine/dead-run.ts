import type { ErrorBody, Run } from "../core/index.ts";

/** A dead letter: a run that nobody tries any more. It is read from the failed runs, so that it survives the process; the attempts are in the run's journal. */
export interface DeadRun {
  readonly run: Run;
  /** In a sentence, why. */
  readonly summary: string;
}

export function deadRunOf(run: Run): DeadRun {
  return { run, summary: summaryOf(run.error ?? { code: "internal", message: "unknown" }) };
}

function summaryOf({ code, message, details }: ErrorBody): string {
  if (code === "queue_full") return message;
  if (details?.deaths !== undefined) return `the process ended ${details.deaths} times while a step was at work`;
  return `failed ${details?.failures} times: ${message}`;
}
