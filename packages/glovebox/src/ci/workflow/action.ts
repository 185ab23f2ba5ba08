import type { Expression, Templated } from "../expressions/contexts.ts";
import type { InputDefinition, Step } from "./workflow.ts";

/** `runs:` of an action whose steps are run one by one. A `run` step of it always names its shell. */
export interface CompositeRuns {
  readonly kind: "composite";
  readonly steps: readonly Step[];
}

/** `runs:` of an action that is a JavaScript file, with what runs before and after. Paths are relative to the action. */
export interface NodeRuns {
  readonly kind: "node";
  readonly version: "node20" | "node24";
  readonly main: string;
  readonly pre?: string;
  /** Default `always()`. */
  readonly preIf?: Expression;
  readonly post?: string;
  /** Default `always()`. */
  readonly postIf?: Expression;
}

/** `runs:` of an action that is a container. */
export interface DockerRuns {
  readonly kind: "docker";
  /** `Dockerfile`, a path to one, or `docker://image`. */
  readonly image: string;
}

/** An action.yml as data. */
export interface ActionDefinition {
  readonly path: string;
  readonly name?: string;
  readonly description?: string;
  readonly inputs: Readonly<Record<string, InputDefinition>>;
  /** Values of a composite action's outputs; the empty text for one that sets its outputs itself. */
  readonly outputs: Readonly<Record<string, Templated>>;
  readonly runs: CompositeRuns | NodeRuns | DockerRuns;
}
