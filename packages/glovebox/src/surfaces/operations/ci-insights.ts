import { z } from "zod";
import { defineOperations } from "./operation.ts";

const Share = z.number().min(0).max(1);
const About = { workflow: z.string(), job: z.string(), step: z.string() };

const CiLesson = z.strictObject({
  id: z.string(),
  tenantId: z.string(),
  kind: z.literal("lesson"),
  repository: z.string(),
  ...About,
  exitCode: z.number().int().optional(),
  /** The first line that tells of the error, without what changes from run to run. */
  pattern: z.string(),
  example: z.string(),
  failures: z.number().int(),
  successesSince: z.number().int(),
  evidence: z.array(z.strictObject({ runId: z.string(), atMs: z.number() })),
  firstSeenAtMs: z.number(),
  lastSeenAtMs: z.number(),
  confidence: Share,
});

const CiSuggestion = z.strictObject({
  kind: z.enum(["known_failure", "flaky", "cache", "reorder", "split", "raise_timeout"]),
  ...About,
  step: z.string().optional(),
  message: z.string(),
  confidence: Share,
  /** Runs that show it. */
  evidence: z.array(z.string()),
});

const CiStepForecast = z.strictObject({
  ...About,
  runs: z.number().int(),
  successProbability: Share,
  durationMs: z.number().optional(),
  /** Measured by foretelling each past run from those before it: share of the duration, Brier score of the success. */
  error: z.strictObject({ runs: z.number().int(), duration: z.number(), success: z.number() }).optional(),
});

/** What CI has learnt. */
export const ciInsightOperations = defineOperations({
  "ci.insights": {
    method: "GET",
    path: "/v1/ci/insights",
    summary: "What was learnt from a repository's runs: lessons, suggestions, and what its steps are expected to take",
    minimumRole: "viewer",
    query: z.strictObject({
      /** `owner/name` */
      repository: z.string().min(1).max(255),
      /** The workflow file's path. */
      workflow: z.string().min(1).max(4096).optional(),
    }),
    answer: "json",
    status: 200,
    response: z.strictObject({
      repository: z.string(),
      lessons: z.array(CiLesson),
      suggestions: z.array(CiSuggestion),
      steps: z.array(CiStepForecast),
    }),
    sdk: "ci.insights",
    cli: "ci insights",
  },
});
