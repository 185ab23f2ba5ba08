import type { CiRun } from "../../core/index.ts";
import type { Suggestion } from "./suggestion.ts";

/** A job is called flaky after so many retries of the same code. */
const ENOUGH = 3;

interface Retried {
  readonly workflow: string;
  readonly job: string;
  readonly evidence: string[];
  passed: number;
}

/** Jobs that failed and passed when the same commit was run again. */
export function suggestFromReruns(runs: readonly CiRun[]): readonly Suggestion[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const retried = new Map<string, Retried>();
  for (const run of runs) {
    const earlier = run.rerunOf === undefined ? undefined : byId.get(run.rerunOf);
    if (earlier === undefined || earlier.event.sha !== run.event.sha) continue;
    for (const job of run.jobs) {
      const before = earlier.jobs.find(({ key }) => key === job.key);
      if (before?.conclusion !== "failure" || (job.conclusion !== "success" && job.conclusion !== "failure")) continue;
      const key = JSON.stringify([run.workflow.path, job.id]);
      const found = retried.get(key) ?? { workflow: run.workflow.path, job: job.id, evidence: [], passed: 0 };
      found.evidence.push(run.id);
      if (job.conclusion === "success") found.passed += 1;
      retried.set(key, found);
    }
  }
  return [...retried.values()]
    .filter(({ evidence, passed }) => evidence.length >= ENOUGH && passed > 0)
    .map(({ workflow, job, evidence, passed }) => {
      const share = passed / evidence.length;
      const message = `'${job}' is flaky: passes on retry ${Math.round(share * 100)}% (${passed} of ${evidence.length})`;
      return {
        kind: "flaky",
        workflow,
        job,
        message,
        confidence: Math.round(share * 1000) / 1000,
        evidence: evidence.slice(-20),
      };
    });
}
