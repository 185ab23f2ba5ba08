import type { CiJob } from "../../core/index.ts";
import type { CiLogLine } from "../runs/start-request.ts";

const LINES = 20;
const MAX_LINE = 500;
/** Of the output's end, characters: more than its last lines need. */
const MAX_TAIL = 32_768;

/** The last lines that the failed step of a job printed, out of the job's log; none when no step failed or it printed nothing. */
export async function lastLinesOf(job: CiJob, log: AsyncIterable<CiLogLine>): Promise<readonly string[]> {
  const failed = job.steps.find(({ outcome }) => outcome === "failure");
  if (failed === undefined) return [];
  let tail = "";
  for await (const { step, text } of log) {
    if (step.number === failed.number) tail = (tail + text).slice(-MAX_TAIL);
  }
  const lines = tail.trimEnd().split(/\r?\n/).slice(-LINES);
  return lines.length === 1 && lines[0] === "" ? [] : lines.map((line) => line.slice(0, MAX_LINE));
}
