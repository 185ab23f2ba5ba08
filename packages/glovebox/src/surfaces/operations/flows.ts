import { z } from "zod";
import {
  FlowAnswer,
  FlowChange,
  FlowQuestion,
  FlowResult,
  FlowSetup,
  FlowTests,
  StepReport,
  Suspect,
} from "../../agents/index.ts";
import { ERROR_CODES } from "../../core/index.ts";
import { IdParams, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";
import { Run, RunBudget, RunStatus } from "./run-fields.ts";

const Name = z.string().regex(/^[a-z][a-z0-9-]{0,59}$/, "no flow can be called that");
const Definition = z.string().min(1).max(262_144);
const TEN_YEARS_MS = 315_360_000_000;

const PlanStep = z.strictObject({
  id: z.string(),
  /** `agent`, `parallel`, `for_each`, `until`, `group`, `apply`, `approve`, `edit`, `ask`, `remember`. */
  kind: z.string(),
  agent: z.string().optional(),
  note: z.string().optional(),
  /** Steps of the same list that are done before it; absent: the one before. */
  after: z.array(z.string()).optional(),
  if: z.string().optional(),
  /** How often at most; absent: once. */
  rounds: z.number().int().optional(),
  budget: RunBudget.optional(),
  get steps() {
    return z.array(PlanStep).optional();
  },
});

const Plan = z.strictObject({
  flow: z.string(),
  version: z.string(),
  steps: z.array(PlanStep),
  /** Of the whole run; empty: no limit. */
  budget: RunBudget,
});

const FlowInfo = z.strictObject({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  kind: z.enum(["built_in", "module", "yaml"]),
  /** Whether it works on a repository. */
  repository: z.boolean(),
  /** JSON Schema of its input. */
  input: z.record(z.string(), z.unknown()),
});

const choice = {
  /** One that the server knows, by name … */
  flow: Name.optional(),
  /** … or one as it is written, in YAML. */
  definition: Definition.optional(),
  /** As the flow's input says. */
  input: z.record(z.string().max(100), z.unknown()).optional(),
  /** Of the run. Default: the flow's own, else the configuration's. */
  budget: RunBudget.optional(),
};

const FlowRun = z.strictObject({
  runId: z.string(),
  flow: z.string(),
  /** Of the run; `failed` also when the flow did not come to what was asked of it. */
  status: RunStatus,
  /** Why it failed, for people. */
  reason: z.string().optional(),
  error: z
    .strictObject({
      code: z.enum(ERROR_CODES),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  steps: z.array(StepReport),
  /** Where the change goes; null: nothing is changed. */
  branch: z.string().nullable(),
  /** The commit that the change was made on. */
  head: z.string().optional(),
  dirty: z.boolean().optional(),
  /** All changes as a unified diff. */
  diff: z.string(),
  changes: z.array(FlowChange),
  tests: FlowTests.nullable(),
  published: FlowResult.shape.published,
  suspects: z.array(Suspect).optional(),
  output: z.unknown().optional(),
  /** What people are asked and have not answered. */
  questions: z.array(FlowQuestion),
});

/** What agents do together on a repository. */
export const flowOperations = defineOperations({
  "flows.list": {
    method: "GET",
    path: "/v1/flows",
    summary: "List the flows that can be started by name",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(FlowInfo),
    sdk: "flows.list",
    cli: "flow list",
  },
  "flows.get": {
    method: "GET",
    path: "/v1/flows/{name}",
    summary: "Read a flow: its input, what it does, and what it may use",
    minimumRole: "viewer",
    params: z.strictObject({ name: Name }),
    answer: "json",
    status: 200,
    response: FlowInfo.extend({ plan: Plan }),
    sdk: "flows.get",
    cli: "flow show",
  },
  "flows.validate": {
    method: "POST",
    path: "/v1/flows/validate",
    summary: "Say what is wrong with a flow and its input, or what it would do; nothing runs",
    minimumRole: "viewer",
    body: z.strictObject(choice),
    answer: "json",
    status: 200,
    response: z.strictObject({
      ok: z.boolean(),
      /** Lines and columns count from 1. */
      problems: z.array(
        z.strictObject({ message: z.string(), line: z.number(), column: z.number(), path: z.string() }),
      ),
      plan: Plan.optional(),
    }),
    sdk: "flows.validate",
    cli: "flow validate",
  },
  "flows.upload": {
    method: "POST",
    path: "/v1/flows/sources",
    summary: "Upload a repository, as an uncompressed tar, for flows to work on",
    minimumRole: "developer",
    upload: "bytes",
    answer: "json",
    status: 201,
    response: z.strictObject({ sha256: z.string() }),
    sdk: "flows.upload",
    cli: "flow run",
  },
  "flows.start": {
    method: "POST",
    path: "/v1/flows/runs",
    summary: "Start a flow; it goes on as a durable run",
    minimumRole: "developer",
    body: z.strictObject({
      ...choice,
      setup: FlowSetup.optional(),
      /** From now on, downtime included; the run fails with `deadline_exceeded` afterwards. */
      timeoutMs: z.number().int().min(1).max(TEN_YEARS_MS).optional(),
    }),
    answer: "json",
    status: 201,
    response: z.strictObject({ run: Run }),
    idempotent: true,
    sdk: "flows.start",
    cli: "flow run",
  },
  "flows.run": {
    method: "GET",
    path: "/v1/flows/runs/{id}",
    summary: "Read what a run of a flow came to, or as far as it came, and what it asks",
    minimumRole: "viewer",
    params: IdParams,
    answer: "json",
    status: 200,
    response: FlowRun,
    sdk: "flows.run",
    cli: "flow watch",
  },
  "flows.answer": {
    method: "POST",
    path: "/v1/flows/runs/{id}/answer",
    summary: "Answer what a run of a flow asks: approve, edit a diff, or say something",
    minimumRole: "developer",
    params: IdParams,
    body: FlowAnswer.extend({
      /** Default: the only one that is open. */
      question: z.string().min(1).max(100).optional(),
    }),
    answer: "json",
    status: 200,
    response: FlowRun,
    sdk: "flows.answer",
    cli: "flow answer",
  },
});
