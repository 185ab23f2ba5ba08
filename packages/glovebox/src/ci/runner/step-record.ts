import { z } from "zod";
import type { StepOutcome } from "./job-run.ts";
import type { ProblemMatcher } from "./problem-matcher.ts";
import type { PreWork } from "./set-up-job.ts";

/** What a step leaves to the steps after it. */
export interface StepEffects {
  /** Set in GITHUB_ENV. */
  readonly env: Readonly<Record<string, string>>;
  /** Put before PATH, in the order in which it was said. */
  readonly paths: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  /** For what runs after the job, by the action's place: its own GITHUB_STATE. */
  readonly state: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The inputs of an action that does something after the job, by its place. */
  readonly inputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const NO_EFFECTS: StepEffects = { env: {}, paths: [], outputs: {}, state: {}, inputs: {} };

/** What an action wants done when the job is over. */
export type PostWork = {
  /** The place of the action among the job's steps: `3`, or `3.1` within a composite one. */
  readonly place: string;
  /** Of the step that used it. */
  readonly name: string;
} & (
  | { readonly kind: "node"; readonly folder: string; readonly file: string; readonly if: string }
  | { readonly kind: "built-in"; readonly action: string }
);

/** A step as the journal has it: masked. */
export interface StepRecord {
  readonly outcome: StepOutcome;
  readonly effects: StepEffects;
  /** Something of the effects was masked: as it is, it is kept in the sandbox alone. */
  readonly isVeiled: boolean;
  readonly matchers: { readonly added: readonly ProblemMatcher[]; readonly removed: readonly string[] };
  readonly posts: readonly PostWork[];
  readonly pres: readonly PreWork[];
}

const texts = z.record(z.string(), z.string());

/** How effects are read back from the sandbox, where any program may have changed them. */
export const StoredEffects = z.object({
  env: texts,
  paths: z.array(z.string()),
  outputs: texts,
  state: z.record(z.string(), texts),
  inputs: z.record(z.string(), texts),
});
