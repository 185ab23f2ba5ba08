/** What programs of durable runs work with, and where they come from. Entered by programs as `glovebox/runs`. */
export {
  defineProgram,
  type Program,
  type ProgramContext,
  type StepContext,
  type StepOptions,
} from "../engine/index.ts";
export { type AskModelOptions, askModel } from "./ask-model.ts";
export { keepRevision, type RunDocument, RunDocuments } from "./documents.ts";
export { loadPrograms } from "./load-programs.ts";
export type { ProgramHost, ProgramModule } from "./program-host.ts";
export {
  RunSandbox,
  type SandboxRequest,
  type SandboxResult,
  type SandboxStepOptions,
  type SandboxWorkOptions,
} from "./run-sandbox.ts";
export { SandboxBench } from "./sandbox-bench.ts";
export { DETERMINISTIC_ENV, Sandboxes, type SandboxSpec } from "./sandboxes.ts";
export { takeBack } from "./take-back.ts";
