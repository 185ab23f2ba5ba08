/** Workflows of GitHub in sandboxes. */
export { condition, isTruthy } from "./expressions/condition.ts";
export type { Contexts, Expression, Functions, Templated } from "./expressions/contexts.ts";
export { evaluate } from "./expressions/evaluate.ts";
export { hashFilesCalls, hashFilesCallsOf } from "./expressions/hash-files-calls.ts";
export { evaluateTemplated, interpolate } from "./expressions/interpolate.ts";
export type { ActionDefinition, CompositeRuns, DockerRuns, NodeRuns } from "./workflow/action.ts";
export type { Plan, PlannedInstance, PlannedJob } from "./workflow/plan.ts";
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
