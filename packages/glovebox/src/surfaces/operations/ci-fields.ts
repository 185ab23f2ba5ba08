import { z } from "zod";
import { Id } from "./fields.ts";

/** What the operations of CI runs take and answer. Times are milliseconds since the epoch, durations milliseconds. */

export const CiConclusion = z.enum(["success", "failure", "cancelled", "skipped"]);
export const CiStatus = z.enum(["queued", "in_progress", "completed"]);

const Count = z.number().int();
const Texts = z.record(z.string(), z.string());
const Values = z.record(z.string(), z.unknown());

const CiAnnotation = z.strictObject({
  level: z.enum(["notice", "warning", "error"]),
  message: z.string(),
  title: z.string().optional(),
  path: z.string().optional(),
  line: Count.optional(),
  endLine: Count.optional(),
  column: Count.optional(),
  endColumn: Count.optional(),
});

const CiStep = z.strictObject({
  /** From 1. */
  number: Count,
  id: z.string().optional(),
  name: z.string(),
  /** Before `continue-on-error`; absent while it runs. */
  outcome: CiConclusion.optional(),
  /** After it; absent while it runs. */
  conclusion: CiConclusion.optional(),
  exitCode: Count.optional(),
  outputs: Texts,
  startedAtMs: z.number().optional(),
  durationMs: z.number().optional(),
  /** Where its output is, in order. */
  executionIds: z.array(z.string()),
  annotations: z.array(CiAnnotation),
  /** Markdown. */
  summary: z.string().optional(),
  error: z.string().optional(),
});

const CiJob = z.strictObject({
  /** Unique in the run. */
  key: z.string(),
  /** Of the workflow file; `caller / called` in a reusable workflow. */
  id: z.string(),
  name: z.string(),
  matrix: Values,
  needs: z.array(z.string()),
  status: CiStatus,
  /** Before `continue-on-error`. */
  conclusion: CiConclusion.optional(),
  /** It failed, and the workflow goes on as if it had not. */
  continued: z.boolean().optional(),
  outputs: Texts,
  startedAtMs: z.number().optional(),
  endedAtMs: z.number().optional(),
  steps: z.array(CiStep),
  error: z.string().optional(),
  waitsFor: z.enum(["queue", "concurrency"]).optional(),
  environment: z.strictObject({ name: z.string(), url: z.string().optional() }).optional(),
  /** Its result comes from an earlier attempt. */
  kept: z.boolean().optional(),
});

const CiEvent = z.strictObject({
  name: z.string(),
  action: z.string().optional(),
  ref: z.string(),
  sha: z.string(),
  headSha: z.string().optional(),
  baseRef: z.string().optional(),
  headRef: z.string().optional(),
  actor: z.string(),
  /** From a fork: without secrets and without a token. */
  isFork: z.boolean(),
  pullRequest: Count.optional(),
  deliveryId: z.string().optional(),
});

export const CiRun = z.strictObject({
  /** Of the durable run too: `runs.get` and `runs.journal` know it. */
  id: z.string(),
  tenantId: z.string(),
  repositoryId: z.string().optional(),
  repository: z.string(),
  /** Counts the runs of one workflow of one repository; attempts share it. */
  number: Count,
  attempt: Count,
  rerunOf: z.string().optional(),
  workflow: z.strictObject({ name: z.string(), path: z.string() }),
  title: z.string(),
  event: CiEvent,
  source: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("archive"), id: z.string() }),
    z.strictObject({ kind: z.literal("repository"), repositoryId: z.string(), sha: z.string() }),
  ]),
  secretsId: z.string().optional(),
  status: CiStatus,
  conclusion: CiConclusion.optional(),
  error: z.string().optional(),
  jobs: z.array(CiJob),
  createdAtMs: z.number(),
  startedAtMs: z.number().optional(),
  endedAtMs: z.number().optional(),
  updatedAtMs: z.number(),
});

const Name = z
  .string()
  .max(255)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "not a name of letters, digits and _");
const Ref = z.string().min(1).max(1024);
const Sha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "not a full commit id");
const entries = (most: number) => (value: object) => Object.keys(value).length <= most;

export const CiStart = z.strictObject({
  source: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("archive"), id: Id }),
    z.strictObject({
      kind: z.literal("repository"),
      repositoryId: Id,
      /** Default: what the event's `ref` points to. */
      sha: Sha.optional(),
    }),
  ]),
  /** Of an archive, `owner/name`. Default `local/checkout`. */
  repository: z
    .string()
    .regex(/^[\w.-]{1,100}\/[\w.-]{1,100}$/, "not owner/name")
    .optional(),
  /** Paths of workflow files; they run whatever their filters say. Default: all that the event starts. */
  workflows: z.array(z.string().min(1).max(4096)).min(1).max(100).optional(),
  event: z.strictObject({
    name: z.string().regex(/^[a-z_]{1,64}$/, "not an event's name"),
    action: z.string().max(255).optional(),
    /** `refs/heads/main`. Default: the default branch. */
    ref: Ref.optional(),
    /** Of an archive: the commit that it comes from. */
    sha: Sha.optional(),
    baseRef: Ref.optional(),
    actor: z.string().min(1).max(255).optional(),
    payload: Values.optional(),
    /** For filters on paths. Default: not known, and then they keep nothing from running. */
    changedFiles: z.array(z.string().max(4096)).max(10_000).optional(),
  }),
  /** Of `workflow_dispatch` and `workflow_call`; texts are converted to what the workflow declares. */
  inputs: z
    .record(z.string().max(255), z.union([z.string().max(65_536), z.number(), z.boolean()]))
    .refine(entries(100), "at most 100")
    .optional(),
  /** Sealed where they are kept, masked in all that is shown. */
  secrets: z.record(Name, z.string().min(1).max(65_536)).refine(entries(100), "at most 100").optional(),
  vars: z.record(Name, z.string().max(65_536)).refine(entries(500), "at most 500").optional(),
  /** Only this job of each workflow and what it needs. */
  job: z.string().min(1).max(255).optional(),
  /** Only the combinations of matrices with these values, as text. */
  matrix: z.record(z.string().max(255), z.string().max(1024)).optional(),
});
