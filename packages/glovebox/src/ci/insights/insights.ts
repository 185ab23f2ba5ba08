import { type CiRun, type Lesson, type Logger, toGloveboxError } from "../../core/index.ts";
import type { CiRunStore, LessonStore } from "../../store/index.ts";
import type { RunObserver } from "../runs/ports.ts";
import { confidenceOf, holds } from "./confidence.ts";
import { forecast, type StepForecast } from "./forecast.ts";
import { type JobOutput, learnFromRun } from "./learn-from-run.ts";
import { stepHistories } from "./step-history.ts";
import { suggestFromDurations } from "./suggest-from-durations.ts";
import { suggestFromLessons } from "./suggest-from-lessons.ts";
import { suggestFromReruns } from "./suggest-from-reruns.ts";
import type { Suggestion } from "./suggestion.ts";

/** Runs that are looked back at. */
const HISTORY = 100;
/** Suggestions shown of one run. */
const MAX_SHOWN = 5;

/** A lesson as it is shown. */
export interface LessonView extends Omit<Lesson, "counted"> {
  /** From 0 to 1. */
  readonly confidence: number;
}

/** What CI has learnt of a repository. */
export interface Insights {
  readonly repository: string;
  /** Those that hold, the surest first. */
  readonly lessons: readonly LessonView[];
  readonly suggestions: readonly Suggestion[];
  readonly steps: readonly StepForecast[];
}

export interface CiInsightsOptions {
  readonly runs: Pick<CiRunStore, "list">;
  readonly lessons: LessonStore;
  readonly output: JobOutput;
  readonly logger: Logger;
}

/** Learns from finished runs, and says what was learnt. One run after the other; nothing waits for it, and its failure hurts no run. */
export class CiInsights implements RunObserver {
  readonly #options: CiInsightsOptions;
  #learning: Promise<void> = Promise.resolve();

  constructor(options: CiInsightsOptions) {
    this.#options = options;
  }

  changed(): void {
    // A run is learnt from when it has ended.
  }

  ended(run: CiRun): void {
    void this.learn(run).catch((error: unknown) => {
      this.#options.logger.error(
        { runId: run.id, error: toGloveboxError(error).message },
        "could not learn from a run",
      );
    });
  }

  /** Resolves when the run was counted. A run that was counted before changes nothing. */
  learn(run: CiRun): Promise<void> {
    const { lessons, output } = this.#options;
    const learnt = this.#learning.then(() => learnFromRun(run, lessons, output));
    this.#learning = learnt.catch(() => {});
    return learnt;
  }

  /** What holds of a repository, of all its workflows or one (its path). A repository that nobody ran has nothing. */
  async of(tenantId: string, repository: string, workflow?: string): Promise<Insights> {
    const { runs, lessons } = this.#options;
    const filter = {
      repository,
      status: ["completed"] as const,
      limit: HISTORY,
      ...(workflow !== undefined && { workflow }),
    };
    const past = [...(await runs.list(tenantId, filter)).items].reverse();
    const known = (await lessons.list(tenantId, repository)).filter(
      (lesson) => workflow === undefined || lesson.workflow === workflow,
    );
    const views = known
      .filter(holds)
      .map(({ counted: _, ...lesson }) => ({ ...lesson, confidence: confidenceOf(lesson) }));
    return {
      repository,
      lessons: views.sort((a, b) => b.confidence - a.confidence),
      suggestions: [...suggestFromLessons(known), ...suggestFromReruns(past), ...suggestFromDurations(past)].sort(
        (a, b) => b.confidence - a.confidence,
      ),
      steps: stepHistories(past).map(forecast),
    };
  }

  /** What to say beside a run's results: at most five, those about its failures first. Waits for what is being learnt. */
  async suggestionsFor(run: CiRun): Promise<readonly Suggestion[]> {
    await this.#learning;
    const { suggestions } = await this.of(run.tenantId, run.repository, run.workflow.path);
    const jobs = new Map(run.jobs.map((job) => [job.id, job]));
    const failed = new Set(
      run.jobs.flatMap(({ id, steps }) =>
        steps.filter(({ outcome }) => outcome === "failure").map(({ name }) => JSON.stringify([id, name])),
      ),
    );
    const isFailed = ({ job, step }: Suggestion) => failed.has(JSON.stringify([job, step]));
    const fitting = suggestions.filter(
      (each) => jobs.has(each.job) && (each.kind !== "known_failure" || isFailed(each)),
    );
    return fitting
      .sort((a, b) => Number(isFailed(b)) - Number(isFailed(a)) || b.confidence - a.confidence)
      .slice(0, MAX_SHOWN);
  }

  /** Resolves when nothing is being learnt. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#learning;
  }
}
