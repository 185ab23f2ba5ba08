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
  StepConclusion,
  StepOutcome,
} from "./job-run.ts";
