import type { JournalRecord } from "../../packages/glovebox/src/engine/index.ts";

/** What can be under way in a run when its process dies. */
export const MIDSTS = ["step", "parallel", "child", "sleep", "retry delay", "compensation"] as const;
export type Midst = (typeof MIDSTS)[number];
export type Tally = Record<Midst | "runs", number>;

export function emptyTally(): Tally {
  return { runs: 0, step: 0, parallel: 0, child: 0, sleep: 0, "retry delay": 0, compensation: 0 };
}

export function addTally(sum: Tally, more: Tally): void {
  for (const key of Object.keys(more) as (keyof Tally)[]) sum[key] += more[key];
}

/** How often a run was taken up again, and what had begun and not ended each time, by its journal. */
export function tallyOf(journal: readonly JournalRecord[]): Tally {
  const tally = emptyTally();
  const open = new Map<string, Midst>();
  for (const record of journal) {
    const path = record.step ?? "";
    if (record.type === "step.started") open.set(path, midstOf(record.payload.kind));
    else if (record.type === "step.retried") open.set(path, "retry delay");
    else if (record.type === "step.completed" || record.type === "step.failed") open.delete(path);
    if (record.type !== "run.resumed") continue;
    tally.runs += 1;
    const found = new Set(open.values());
    if ([...open.keys()].filter((key) => key.startsWith("parallel")).length > 1) found.add("parallel");
    for (const midst of found) tally[midst] += 1;
  }
  return tally;
}

function midstOf(kind: string): Midst {
  return kind === "child" || kind === "sleep" || kind === "compensation" ? kind : "step";
}
