import type { CiRun } from "../../core/index.ts";
import { median, type StepHistory, stepHistories } from "./step-history.ts";
import type { Suggestion } from "./suggestion.ts";

const ENOUGH = 3;
const SLOW_INSTALL_MS = 10_000;
const LONG_STEP_MS = 600_000;

/** Commands that fetch the same things in every run, and where they put them. */
const CACHES: readonly (readonly [command: RegExp, path: string])[] = [
  [/\bnpm (ci|i|install)\b/, "~/.npm"],
  [/\byarn( install)?\b/, "~/.cache/yarn"],
  [/\bpnpm (i|install)\b/, "~/.local/share/pnpm/store"],
  [/\bpip3? install\b/, "~/.cache/pip"],
  [/\bcargo (build|test|fetch|check|clippy)\b/, "~/.cargo and target"],
  [/\bgo (build|test|mod download)\b/, "~/go/pkg/mod"],
  [/\b(mvn|mvnw)\b/, "~/.m2"],
  [/\b(gradle|gradlew)\b/, "~/.gradle"],
  [/\bbundle install\b/, "vendor/bundle"],
];

/** What the time that steps take suggests: things to cache, an order, a split, a limit. `runs` oldest first. */
export function suggestFromDurations(runs: readonly CiRun[]): readonly Suggestion[] {
  const jobs = Map.groupBy(stepHistories(runs), ({ workflow, job }) => JSON.stringify([workflow, job]));
  return [...jobs.values()]
    .flatMap((steps) => [...caches(steps), ...orders(steps), ...splits(steps)])
    .concat(limits(runs));
}

function typicalMs({ observations }: StepHistory): number {
  return median(observations.filter(({ succeeded }) => succeeded).map(({ durationMs }) => durationMs));
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

function suggest(
  kind: Suggestion["kind"],
  { workflow, job, step, observations }: StepHistory,
  message: string,
): Suggestion {
  const confidence = Math.min(1, 0.5 + 0.05 * observations.length);
  const evidence = observations.slice(-20).map(({ runId }) => runId);
  return {
    kind,
    workflow,
    job,
    step,
    message,
    confidence: Math.round(confidence * 1000) / 1000,
    evidence: [...new Set(evidence)],
  };
}

function caches(steps: readonly StepHistory[]): readonly Suggestion[] {
  if (steps.some(({ step }) => /cache/i.test(step))) return [];
  return steps.flatMap((history) => {
    const [, path] = CACHES.find(([command]) => command.test(history.step)) ?? [];
    const ms = typicalMs(history);
    if (path === undefined || history.observations.length < ENOUGH || ms < SLOW_INSTALL_MS) return [];
    return [
      suggest(
        "cache",
        history,
        `'${history.step}' takes ${seconds(ms)} in every run: cache ${path} with actions/cache`,
      ),
    ];
  });
}

/** A quick step that fails often should not wait for a slow one. */
function orders(steps: readonly StepHistory[]): readonly Suggestion[] {
  return steps.flatMap((quick, index) => {
    const failures = quick.observations.filter(({ succeeded }) => !succeeded).length;
    if (quick.observations.length < ENOUGH + 2 || failures / quick.observations.length < 0.2) return [];
    const ms = median(quick.observations.map(({ durationMs }) => durationMs));
    const slow = steps.slice(0, index).find((step) => typicalMs(step) > 60_000 && typicalMs(step) > ms * 10);
    if (slow === undefined) return [];
    const message = `'${quick.step}' fails in ${failures} of ${quick.observations.length} runs and takes ${seconds(ms)}: if it can, run it before '${slow.step}' (${seconds(typicalMs(slow))})`;
    return [suggest("reorder", quick, message)];
  });
}

function splits(steps: readonly StepHistory[]): readonly Suggestion[] {
  return steps
    .filter((step) => step.observations.length >= ENOUGH && typicalMs(step) > LONG_STEP_MS)
    .map((step) =>
      suggest(
        "split",
        step,
        `'${step.step}' takes ${seconds(typicalMs(step))}: split it over jobs, with a matrix for one`,
      ),
    );
}

/** Words in which the runner says that a limit ended something. */
const LIMIT = /maximum execution time|timed out|time limit|deadline/i;

function limits(runs: readonly CiRun[]): readonly Suggestion[] {
  const found = runs.flatMap((run) =>
    run.jobs.flatMap((job) => {
      const step = job.steps.find(({ error }) => error !== undefined && LIMIT.test(error));
      const isLimit = step !== undefined || (job.error !== undefined && LIMIT.test(job.error));
      return isLimit ? [{ run, job, step }] : [];
    }),
  );
  const groups = Map.groupBy(found, ({ run, job, step }) =>
    JSON.stringify([run.workflow.path, job.id, step?.name ?? null]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { run, job, step } = first;
    const what = step === undefined ? `job '${job.id}'` : `'${step.name}'`;
    const times = group.length === 1 ? "once" : `${group.length} times`;
    return {
      kind: "raise_timeout" as const,
      workflow: run.workflow.path,
      job: job.id,
      ...(step !== undefined && { step: step.name }),
      message: `${what} was ended ${times} by its time limit: raise its timeout-minutes, or look for what hangs`,
      confidence: Math.min(1, 0.5 + 0.15 * group.length),
      evidence: group.slice(-20).map((each) => each.run.id),
    };
  });
}
