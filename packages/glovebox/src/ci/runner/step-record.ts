import { z } from "zod";
import type { StepOutcome } from "./job-run.ts";
import type { ProblemMatcher } from "./problem-matcher.ts";

/** What a step leaves to the steps after it. */
export interface StepEffects {
  /** Set in GITHUB_ENV. */
  readonly env: Readonly<Record<string, string>>;
  /** Put before PATH, in the order in which it was said. */
  readonly paths: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
  /** For what runs after the job, by the action's place: its own GITHUB_STATE. */
  readonly state: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const NO_EFFECTS: StepEffects = { env: {}, paths: [], outputs: {}, state: {} };

/** What an action wants done when the job is over. Plain data: its inputs are evaluated again then, as on GitHub. */
export interface PostWork {
  /** The place of the action among the job's steps: `3`, or `3.1` within a composite one. */
  readonly place: string;
  readonly name: string;
}

/** A step as the journal has it: masked. */
export interface StepRecord {
  readonly outcome: StepOutcome;
  readonly effects: StepEffects;
  /** Something of the effects was masked: as it is, it is kept in the sandbox alone. */
  readonly isVeiled: boolean;
  readonly matchers: { readonly added: readonly ProblemMatcher[]; readonly removed: readonly string[] };
  readonly posts: readonly PostWork[];
}

const texts = z.record(z.string(), z.string());

/** How effects are read back from the sandbox, where any program may have changed them. */
export const StoredEffects = z.object({
  env: texts,
  paths: z.array(z.string()),
  outputs: texts,
  state: z.record(z.string(), texts),
});
