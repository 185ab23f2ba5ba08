import { z } from "zod";

const MAX_TEXT = 10_000;

/** Commands are for a shell. An expression would be evaluated with the repository's secrets: it is not for a model to write. */
const Text = z
  .string()
  .max(MAX_TEXT)
  .refine((text) => !text.includes("${" + "{"), "must not hold an expression");
const Command = Text.min(1);
const Name = Text.min(1).max(200);
const Variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/);

/** What a model makes of a file that cannot run as it is: shell steps. */
export const Translation = z.strictObject({
  name: Name,
  /** Event that starts it. */
  trigger: z.enum(["push", "pull_request", "schedule", "workflow_dispatch"]),
  environment: z.record(Variable, Text).default({}),
  setupCommands: z.array(Command).max(50).default([]),
  steps: z
    .array(
      z.strictObject({
        name: Name,
        command: Command,
        workingDir: Text.max(1_000).nullish(),
        continueOnError: z.boolean().nullish(),
        timeoutSeconds: z.number().int().min(1).max(21_600).nullish(),
      }),
    )
    .min(1)
    .max(100),
  cleanupCommands: z.array(Command).max(50).default([]),
  cachePaths: z.array(Text.min(1).max(1_000)).max(50).default([]),
});

export type Translation = z.output<typeof Translation>;

const texts = { type: "array", items: { type: "string" } } as const;

/** The same for models, in the part of JSON Schema that they all understand. */
export const TRANSLATION_SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["name", "trigger", "environment", "setupCommands", "steps", "cleanupCommands", "cachePaths"],
  properties: {
    name: { type: "string" },
    trigger: { type: "string", enum: ["push", "pull_request", "schedule", "workflow_dispatch"] },
    environment: { type: "object", additionalProperties: { type: "string" } },
    setupCommands: texts,
    steps: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "command", "workingDir", "continueOnError", "timeoutSeconds"],
        properties: {
          name: { type: "string" },
          command: { type: "string" },
          workingDir: { type: ["string", "null"] },
          continueOnError: { type: ["boolean", "null"] },
          timeoutSeconds: { type: ["integer", "null"] },
        },
      },
    },
    cleanupCommands: texts,
    cachePaths: texts,
  },
} as const;
