import { z } from "zod";
import { ExtractOptionsSchema } from "../../chat/index.ts";
import { Language } from "../../core/schemas.ts";
import { ExecutionAnswer } from "./executions.ts";
import { Id, TemplateRef } from "./fields.ts";
import { defineOperations } from "./operation.ts";

/** The text's length is one of its limits, which answer `payload_too_large`. */
const ExtractRequest = z.strictObject({ text: z.string(), ...ExtractOptionsSchema.shape });

const Confidence = z.number().min(0).max(1);

const Block = z.strictObject({
  /** `null` when it is none that runs here. */
  language: Language.nullable(),
  /** The first word after the opening fence, as written. */
  tag: z.string().nullable(),
  /** When the tag says one language and the code looks like this one. */
  detectedLanguage: Language.optional(),
  form: z.enum(["fenced", "indented", "inline"]),
  /** What would run. */
  code: z.string(),
  /** `text.slice(start, end)` is the whole block, in UTF-16 units. */
  start: z.number().int(),
  end: z.number().int(),
  confidence: Confidence,
  reasons: z.array(z.strictObject({ code: z.string(), weight: z.number(), message: z.string() })),
  intent: z.enum(["run", "show", "unclear"]),
});

const WholeText = {
  intent: z.strictObject({
    confidence: Confidence,
    keywords: z.array(z.string()),
    suggestedAction: z.enum(["execute", "ask", "show"]),
  }),
  /** Blocks after the first 500. */
  leftOut: z.number().int(),
};

const ExtractAnswer = z.strictObject({ blocks: z.array(Block), ...WholeText });

const { from, request } = ExtractOptionsSchema.shape;

const ParseExecuteRequest = z
  .strictObject({
    text: z.string(),
    from,
    request,
    /** Without it nothing runs. Default false. */
    autoExecute: z.boolean().default(false),
    /** From this confidence on a block runs. */
    threshold: Confidence.default(0.8),
    /** Where it runs; default: a session for this call only … */
    sessionId: Id.optional(),
    /** … made from this template, or from one that has the blocks' languages. */
    template: TemplateRef.optional(),
  })
  .refine(({ sessionId, template }) => sessionId === undefined || template === undefined, {
    message: "give either sessionId or template",
    path: ["template"],
  });

const JudgedBlock = z.strictObject({
  ...Block.shape,
  decision: z.enum(["executed", "shown", "blocked", "refused"]),
  reason: z.string(),
  /** The rule that decided. */
  rule: z.string().optional(),
  findings: z.array(
    z.strictObject({
      ruleId: z.string(),
      severity: z.enum(["low", "medium", "high", "critical"]),
      decision: z.enum(["block", "ask", "warn"]),
      line: z.number().int(),
      column: z.number().int(),
      endLine: z.number().int(),
      excerpt: z.string(),
      message: z.string(),
    }),
  ),
  executionId: z.string().optional(),
});

const ParseExecuteAnswer = z.strictObject({
  blocks: z.array(JudgedBlock),
  executions: z.array(ExecutionAnswer),
  ...WholeText,
});

export const extractOperations = defineOperations({
  "chat.extract": {
    method: "POST",
    path: "/v1/extract",
    summary:
      "Find the code in a model's answer or a user's text, and how sure it is that it is meant to run; nothing is run",
    minimumRole: "agent",
    body: ExtractRequest,
    answer: "json",
    status: 200,
    response: ExtractAnswer,
    audited: false,
    sdk: "extract",
    cli: "extract",
  },
  "chat.parseExecute": {
    method: "POST",
    path: "/v1/parse-execute",
    summary: "Find the code in a text, judge it, and run what is sure to be meant to run and asks for nobody's word",
    minimumRole: "agent",
    body: ParseExecuteRequest,
    answer: "json",
    status: 200,
    response: ParseExecuteAnswer,
    sdk: "parseExecute",
    cli: { leftOut: "`extract` shows the code, `exec` runs it" },
  },
});
