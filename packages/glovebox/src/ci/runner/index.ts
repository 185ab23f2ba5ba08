/** Runs one job of a workflow in one session. */
export type {
  ActionReference,
  Annotation,
  FetchedAction,
  GithubContext,
  JobHost,
  JobOutcome,
  JobRun,
  SourceRequest,
  StepAtWork,
  StepConclusion,
  StepOutcome,
} from "./job-run.ts";
export { runJob } from "./run-job.ts";
