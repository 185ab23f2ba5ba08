/** Workflows of GitHub in sandboxes. */
export { condition, isTruthy } from "./expressions/condition.ts";
export type { Contexts, Expression, Functions, Templated } from "./expressions/contexts.ts";
export { evaluate } from "./expressions/evaluate.ts";
export { hashFilesCalls, hashFilesCallsOf } from "./expressions/hash-files-calls.ts";
export { evaluateTemplated, interpolate } from "./expressions/interpolate.ts";
export type { StepForecast } from "./insights/forecast.ts";
export { CiInsights, type Insights, type LessonView } from "./insights/insights.ts";
export type { Suggestion } from "./insights/suggestion.ts";
export { lastLinesOf } from "./report/last-lines.ts";
export { Reporter, type ReporterOptions } from "./report/reporter.ts";
export { type CiRepositoriesOptions, createCiRepositories, toCiRepository } from "./repositories/ci-repositories.ts";
export type { ForgeTable } from "./repositories/forge-table.ts";
export { createRepositoryGit, type RepositoryGit } from "./repositories/repository-git.ts";
export type { RepositoryInput, RepositoryRules } from "./repositories/repository-input.ts";
export { RepositoryKeys } from "./repositories/repository-keys.ts";
export {
  createRepositoryService,
  type HookRequest,
  type RepositoryPatch,
  type RepositoryService,
} from "./repositories/repository-service.ts";
export { RepositoryValues } from "./repositories/repository-values.ts";
export type { CiService, LogOptions } from "./runs/ci-service.ts";
export { type CiRunsOptions, createCiRuns, type OpenCiRuns } from "./runs/create-ci-runs.ts";
export { storedLogs } from "./runs/logs.ts";
export type { CiGit, CiRepositories, CiRepository, RunObserver } from "./runs/ports.ts";
export { parseLabels } from "./runs/runs-on.ts";
export type { CiLogLine, CiStartRequest, RerunRequest } from "./runs/start-request.ts";
export { folderStorage, STORAGE_LIMITS, type StorageLimits, type StorageScope } from "./toolkit/folder-storage.ts";
export type { JobStorage, StoredEntry } from "./toolkit/job-storage.ts";
export type { CiTranslate, CiTranslation } from "./translate/ci-translate.ts";
export { createTranslate } from "./translate/create-translate.ts";
export { withCommit } from "./webhooks/pull-request-commit.ts";
export { createWebhookIntake, type Receipt, type WebhookForge, type WebhookIntake } from "./webhooks/webhook-intake.ts";
export type { ActionDefinition, CompositeRuns, DockerRuns, NodeRuns } from "./workflow/action.ts";
export { bindInputs } from "./workflow/bind-inputs.ts";
export { callProblems } from "./workflow/call-problems.ts";
export { jobName } from "./workflow/job-name.ts";
export { matchesEvent, type TriggerEvent } from "./workflow/matches-event.ts";
export { type Combination, expandMatrix } from "./workflow/matrix.ts";
export { narrowPermissions } from "./workflow/narrow-permissions.ts";
export { parseAction } from "./workflow/parse-action.ts";
export { parseWorkflow } from "./workflow/parse-workflow.ts";
export type { Plan, PlannedInstance, PlannedJob } from "./workflow/plan.ts";
export { planWorkflow } from "./workflow/plan-workflow.ts";
export type {
  CallInterface,
  Concurrency,
  Defaults,
  EnvBlock,
  EventFilter,
  InputDefinition,
  InputType,
  Job,
  MatrixTemplate,
  Permissions,
  Position,
  ReusableJob,
  RunStep,
  RunsOn,
  Schedule,
  Step,
  StepsJob,
  Strategy,
  Triggers,
  UsesStep,
  Workflow,
  WorkflowProblem,
} from "./workflow/workflow.ts";
