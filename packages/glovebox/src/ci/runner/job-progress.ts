import type { JobHost, JobRun, StepAtWork, StepConclusion, StepOutcome } from "./job-run.ts";
import type { ProblemMatcher } from "./problem-matcher.ts";
import type { StepResult } from "./scope.ts";
import type { PreWork } from "./set-up-job.ts";
import { NO_EFFECTS, type PostWork, type StepRecord } from "./step-record.ts";

/** How far a job has come: made again from the journal's answers after a crash, so nothing else may go into it. */
export class JobProgress {
  readonly #job: JobRun;
  readonly #host: JobHost;
  readonly #records: StepRecord[] = [];
  /** The step that has begun and is not over. */
  current: StepAtWork | undefined;
  isCancelled = false;
  /** What keeps the rest of the job from going on as it should. */
  error: string | undefined;

  constructor(job: JobRun, host: JobHost) {
    this.#job = job;
    this.#host = host;
  }

  get records(): readonly StepRecord[] {
    return this.#records;
  }

  get outcomes(): readonly StepOutcome[] {
    return this.#records.map(({ outcome }) => outcome);
  }

  get nextNumber(): number {
    return this.#records.length + 1;
  }

  /** A step whose process somebody ended, while nobody cancelled the job, did not do its work either. */
  get hasFailed(): boolean {
    const isBad = ({ outcome: { conclusion } }: StepRecord) => conclusion === "failure" || conclusion === "cancelled";
    return this.error !== undefined || this.#records.some(isBad);
  }

  get conclusion(): StepConclusion {
    return this.isCancelled ? "cancelled" : this.hasFailed ? "failure" : "success";
  }

  readonly status = {
    success: () => !this.isCancelled && !this.hasFailed,
    failure: () => !this.isCancelled && this.hasFailed,
    cancelled: () => this.isCancelled,
  };

  /** `steps.ID` of the job's own steps, with their effects' outputs as given. */
  results(outputs: (record: StepRecord) => Readonly<Record<string, string>>): ReadonlyMap<string, StepResult> {
    const results = new Map<string, StepResult>();
    for (const record of this.#records) {
      const { id, outcome, conclusion } = record.outcome;
      if (id !== undefined) results.set(id, { outputs: outputs(record), outcome, conclusion });
    }
    return results;
  }

  get matchers(): readonly ProblemMatcher[] {
    let matchers: readonly ProblemMatcher[] = [];
    for (const { added, removed } of this.#records.map((record) => record.matchers)) {
      const gone = new Set([...removed, ...added.map(({ owner }) => owner)]);
      matchers = [...matchers.filter(({ owner }) => !gone.has(owner)), ...added];
    }
    return matchers;
  }

  /** What actions want done before the first step. */
  get pres(): readonly PreWork[] {
    return this.#records.flatMap(({ pres }) => pres);
  }

  /** What is to be done after the job's steps: the last one's first. */
  get posts(): readonly PostWork[] {
    return this.#records.flatMap(({ posts }) => posts).reverse();
  }

  begin(name: string, id?: string): void {
    this.current = { number: this.nextNumber, name, executionIds: [], ...(id !== undefined && { id }) };
    this.#tell();
  }

  /** Tells of an execution of the step at hand. It is for those who look on: nothing is decided by it. */
  began(executionId: string): void {
    const { current } = this;
    if (current === undefined) return;
    this.current = { ...current, executionIds: [...current.executionIds, executionId] };
    this.#tell();
  }

  end(record: StepRecord): void {
    this.#records.push(record);
    this.current = undefined;
    this.#tell();
  }

  /** A step that did nothing. */
  endWithout(outcome: Pick<StepOutcome, "name" | "id" | "conclusion"> & Partial<StepOutcome>): void {
    this.end({
      outcome: {
        number: this.nextNumber,
        outcome: outcome.conclusion,
        outputs: {},
        executionIds: [],
        annotations: [],
        ...outcome,
      },
      effects: NO_EFFECTS,
      isVeiled: false,
      matchers: { added: [], removed: [] },
      posts: [],
      pres: [],
    });
  }

  #tell(): void {
    this.#host.progress(this.#job, this.outcomes, this.current);
  }
}
