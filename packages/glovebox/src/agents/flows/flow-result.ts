import { z } from "zod";

const Line = z.string().max(4_000);

/** One thing that a flow did. */
export const StepReport = z.strictObject({
  /** Unique in its flow. */
  id: z.string().min(1).max(100),
  agent: z.string().max(40).optional(),
  status: z.enum(["done", "failed", "skipped"]),
  /** For people, one line. */
  summary: Line,
});
export type StepReport = z.infer<typeof StepReport>;

/** How the tests came out at the end. */
export const FlowTests = z.strictObject({
  runner: z.string().max(40),
  status: z.enum(["passed", "failed", "timeout", "crashed", "no_tests"]),
  passed: z.number().int().min(0),
  failed: z.number().int().min(0),
  skipped: z.number().int().min(0),
  /** Ids of those that do not pass; the first hundred. */
  failing: z.array(Line).max(100),
  /** Ids of those that sometimes pass; the first hundred. */
  flaky: z.array(Line).max(100),
});
export type FlowTests = z.infer<typeof FlowTests>;

/** A line that may be at fault, most likely first. */
export const Suspect = z.strictObject({
  path: z.string().max(1_024),
  line: z.number().int().min(1),
  /** From 0 to 1. */
  score: z.number().min(0).max(1),
});
export type Suspect = z.infer<typeof Suspect>;

/** A changed file, for the commit. `content`: base64; null: it is gone. */
export const FlowChange = z.strictObject({
  path: z.string().max(1_024),
  content: z.string().nullable(),
  mode: z.enum(["100644", "100755"]).optional(),
});

/** What a flow came to. That it could not do what was asked is a result, too. */
export const FlowResult = z.strictObject({
  status: z.enum(["completed", "failed"]),
  /** Why it failed, for people. */
  reason: Line.optional(),
  steps: z.array(StepReport),
  /** Where the change goes; null: nothing is changed, or there is no repository. */
  branch: z.string().max(200).nullable(),
  /** The commit that the change was made on. */
  head: z.string().max(64).optional(),
  /** The working copy differed from that commit. */
  dirty: z.boolean().optional(),
  /** All changes as a unified diff. */
  diff: z.string(),
  changes: z.array(FlowChange),
  tests: FlowTests.nullable(),
  /** What was pushed. */
  published: z
    .strictObject({
      commit: z.string().max(64),
      pullRequest: z.strictObject({ number: z.number().int().min(1), url: z.string().max(2_000) }).optional(),
    })
    .optional(),
  suspects: z.array(Suspect).max(100).optional(),
  /** What a flow of somebody's own gives. */
  output: z.unknown().optional(),
});
export type FlowResult = z.infer<typeof FlowResult>;

/** How a flow says that it ended; the rest of its result is read from the repository. */
export interface FlowEnd extends Pick<FlowResult, "status" | "reason" | "suspects" | "output"> {
  readonly tests?: FlowTests | undefined;
}
