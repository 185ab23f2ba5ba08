import { z } from "zod";
import { ExtractOptionsSchema } from "../../chat/index.ts";
import { Language } from "../../core/schemas.ts";
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

const ExtractAnswer = z.strictObject({
  blocks: z.array(Block),
  intent: z.strictObject({
    confidence: Confidence,
    keywords: z.array(z.string()),
    suggestedAction: z.enum(["execute", "ask", "show"]),
  }),
  /** Blocks after the first 500. */
  leftOut: z.number().int(),
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
});
