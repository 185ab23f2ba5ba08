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

const CiTranslated = z.strictObject({
  name: z.string(),
  trigger: z.string(),
  environment: z.record(z.string(), z.string()),
  setupCommands: z.array(z.string()),
  steps: z.array(
    z.strictObject({
      name: z.string(),
      command: z.string(),
      workingDir: z.string().nullish(),
      continueOnError: z.boolean().nullish(),
      timeoutSeconds: z.number().int().nullish(),
    }),
  ),
  cleanupCommands: z.array(z.string()),
  cachePaths: z.array(z.string()),
});

/** What CI has learnt, and what a model makes of files that cannot run as they are. */
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
  "ci.translate": {
    method: "POST",
    path: "/v1/ci/translations",
    summary:
      "Ask the configured model for a file's build instructions as shell steps, shown against what the file does as it is; nothing is run",
    minimumRole: "developer",
    body: z.strictObject({ path: z.string().min(1).max(4096), text: z.string().min(1).max(65_536) }),
    answer: "json",
    status: 200,
    response: z.strictObject({
      /** Its journal has the question and the answer. */
      runId: z.string(),
      deterministic: z.array(z.string()),
      translation: CiTranslated.optional(),
      /** The translation as a workflow file. */
      workflow: z.string().optional(),
      diff: z.string(),
      /** Why there is no translation: the deterministic plan stands. */
      error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    }),
    sdk: "ci.translate",
    cli: "ci translate",
  },
});
