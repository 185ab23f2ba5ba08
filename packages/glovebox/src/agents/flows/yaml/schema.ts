import { z } from "zod";
import { DOCUMENT_KINDS } from "../../../context/index.ts";

const Id = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,39}$/,
    "an id has a to z, 0 to 9 and _, begins with a letter, and has at most 40 characters",
  );
const Text = z.string().min(1).max(10_000);
/** Checked by the expressions themselves. */
const ExpressionText = z.string().min(1);
const Agent = z.string().regex(/^[a-z][a-z0-9_.-]{0,39}$/, "no agent can be called that");
/** Read one by one, by what kind of step each is. */
const Steps = z.array(z.unknown()).min(1, "there must be a step").max(200);

export const BudgetFields = z.strictObject({
  wallMs: z.number().int().min(1).optional(),
  tokens: z.number().int().min(0).optional(),
  dollars: z.number().min(0).optional(),
  toolCalls: z.number().int().min(0).optional(),
  sandboxSeconds: z.number().min(0).optional(),
});

const common = {
  id: Id.optional(),
  name: Text.optional(),
  if: ExpressionText.optional(),
  needs: z.array(Id).max(100).optional(),
  on_error: z.union([z.enum(["fail", "continue"]), Steps], "must be fail, continue or a list of steps").optional(),
  retry: z
    .union(
      [
        z.number().int().min(1).max(10),
        z.strictObject({
          attempts: z.number().int().min(1).max(10),
          delay_ms: z.number().int().min(0).max(60_000).optional(),
        }),
      ],
      "must be a number of attempts from 1 to 10, or {attempts, delay_ms}",
    )
    .optional(),
  budget: BudgetFields.optional(),
  timeout_ms: z.number().int().min(1).max(86_400_000).optional(),
};

const Aggregate = z.union(
  [
    z.literal("concatenation"),
    z.strictObject({ best: ExpressionText }),
    z.strictObject({ vote: ExpressionText }),
    z.strictObject({ synthesis: z.strictObject({ agent: Agent, input: z.unknown().optional() }) }),
  ],
  "must be concatenation, {best: EXPRESSION}, {vote: EXPRESSION} or {synthesis: {agent, input}}",
);

/** What each kind of step may have, by the field that tells the kind. */
export const STEP_SCHEMAS = {
  agent: z.strictObject({
    ...common,
    agent: Agent,
    task: Agent.optional(),
    input: z.record(z.string(), z.unknown()).optional(),
    apply: z.boolean().optional(),
  }),
  parallel: z.strictObject({
    ...common,
    parallel: Steps,
    concurrency: z.number().int().min(1).max(64).optional(),
    aggregate: Aggregate.optional(),
    apply: z.boolean().optional(),
  }),
  for_each: z.strictObject({
    ...common,
    for_each: z.union([ExpressionText, z.array(z.unknown()).max(100)], "must be an expression or a list"),
    steps: Steps,
    concurrency: z.number().int().min(1).max(64).optional(),
  }),
  until: z.strictObject({
    ...common,
    until: ExpressionText,
    max_rounds: z.number().int().min(1).max(20).optional(),
    steps: Steps,
  }),
  steps: z.strictObject({ ...common, steps: Steps }),
  apply: z.strictObject({
    ...common,
    apply: ExpressionText,
    on_drift: z.enum(["merge", "refuse"]).optional(),
  }),
  approve: z.strictObject({ ...common, approve: Text, diff: ExpressionText.optional() }),
  edit: z.strictObject({ ...common, edit: ExpressionText, text: Text.optional() }),
  ask: z.strictObject({ ...common, ask: Text, choices: z.array(Text).min(1).max(50).optional() }),
  remember: z.strictObject({
    ...common,
    remember: z.unknown().refine((content) => content != null && content !== "", "must be what is remembered"),
    path: Text.optional(),
    kind: z.enum(DOCUMENT_KINDS).optional(),
    scope: Text.optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
  }),
} as const;

export type StepKey = keyof typeof STEP_SCHEMAS;

const InputField = z.strictObject({
  type: z.enum(["string", "number", "boolean", "list", "object"]),
  description: Text.optional(),
  required: z.boolean().optional(),
  default: z.unknown().optional(),
  choices: z.array(z.unknown()).min(1).max(100).optional(),
});

export const FLOW_SCHEMA = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,59}$/, "a flow's name has a to z, 0 to 9 and -, and begins with a letter"),
  version: z.union([z.string().min(1).max(40), z.number()]).optional(),
  description: Text.optional(),
  repository: z.boolean().optional(),
  input: z.record(Id, z.union([InputField.shape.type, InputField])).optional(),
  budget: BudgetFields.optional(),
  steps: Steps,
  output: z.unknown().optional(),
});
