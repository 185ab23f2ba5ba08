import type { DocumentKind } from "../../../context/index.ts";
import type { Budget } from "../../../core/index.ts";
import type { Expression } from "./expressions.ts";
import type { Template } from "./template.ts";

/** A flow in YAML, read and found to be right. */
export interface FlowFile {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  /** Whether it works on a repository. */
  readonly repository: boolean;
  readonly input: Readonly<Record<string, InputField>>;
  readonly budget?: Budget;
  readonly steps: readonly FlowStep[];
  /** What the run comes to; absent: what its last step came to. */
  readonly output?: Template;
}

export interface InputField {
  readonly type: "string" | "number" | "boolean" | "list" | "object";
  readonly description?: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly choices?: readonly unknown[];
}

/** Where a step reads something. */
export interface Reading {
  readonly expression: Expression;
  /** What part of the step it is in: the aggregate knows a `branch`, the end of rounds sees the steps within. */
  readonly part: "step" | "until" | "aggregate";
  readonly where: readonly (string | number)[];
  /** Characters from the value's beginning. */
  readonly offset: number;
}

interface StepBase {
  /** Unique in the flow. */
  readonly id: string;
  readonly name?: string;
  readonly if?: Expression;
  /** Steps of the same list that must be done before; absent: the one before it. */
  readonly needs?: readonly string[];
  /** `continue`: the step counts as failed, and the flow goes on; steps: these are done, and the flow goes on. */
  readonly onError: "fail" | "continue" | readonly FlowStep[];
  /** Attempts in all, from 1. */
  readonly attempts: number;
  /** Before the second attempt, milliseconds; doubles each time. */
  readonly delayMs: number;
  readonly budget?: Budget;
  readonly timeoutMs?: number;
  /** Of its own fields, not of the steps within. */
  readonly readings: readonly Reading[];
  readonly where: readonly (string | number)[];
}

export type Aggregation =
  | { readonly kind: "concatenation" }
  | { readonly kind: "best"; readonly score: Expression }
  | { readonly kind: "vote"; readonly value: Expression }
  | { readonly kind: "synthesis"; readonly agent: string; readonly input: Template };

export interface AgentStep extends StepBase {
  readonly kind: "agent";
  /** An agent's name, or a type of tasks. */
  readonly agent: string;
  readonly task?: string;
  readonly input: Template;
  /** Whether a diff that it answers with is applied to the repository; absent: as the place of the step says. */
  readonly apply?: boolean;
}

export interface ParallelStep extends StepBase {
  readonly kind: "parallel";
  readonly branches: readonly FlowStep[];
  readonly concurrency?: number;
  readonly aggregate?: Aggregation;
  /** Applies the diff of the best branch. */
  readonly apply: boolean;
}

export interface ForEachStep extends StepBase {
  readonly kind: "for_each";
  readonly items: Template;
  readonly concurrency: number;
  readonly steps: readonly FlowStep[];
}

export interface UntilStep extends StepBase {
  readonly kind: "until";
  readonly until: Expression;
  readonly maxRounds: number;
  readonly steps: readonly FlowStep[];
}

export interface GroupStep extends StepBase {
  readonly kind: "group";
  readonly steps: readonly FlowStep[];
}

export interface ApplyStep extends StepBase {
  readonly kind: "apply";
  /** A diff as an agent gives it. */
  readonly diff: Template;
  readonly onDrift: "merge" | "refuse";
}

export interface PersonStep extends StepBase {
  readonly kind: "approve" | "edit" | "ask";
  readonly text: Template;
  /** What is shown, and for `edit` what may be changed. */
  readonly diff?: Template;
  /** Of `ask`: what may be answered; absent: any text. */
  readonly choices?: readonly string[];
}

/** Writes a document into the context store, as the run's. */
export interface RememberStep extends StepBase {
  readonly kind: "remember";
  /** What is no text is written as JSON. */
  readonly content: Template;
  /** Absent: the document is known by its content. */
  readonly path?: Template;
  readonly documentKind: DocumentKind;
  /** As of documents, and `run`: this one's. */
  readonly documentScope: Template;
  readonly metadata?: Template;
}

export type FlowStep =
  | AgentStep
  | ParallelStep
  | ForEachStep
  | UntilStep
  | GroupStep
  | ApplyStep
  | PersonStep
  | RememberStep;

/** The lists of steps within a step, without those that are done when it fails. */
export function listsWithin(step: FlowStep): readonly (readonly FlowStep[])[] {
  if (step.kind === "parallel") return step.branches.map((branch) => [branch]);
  return step.kind === "for_each" || step.kind === "until" || step.kind === "group" ? [step.steps] : [];
}
