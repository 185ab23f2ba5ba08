import { z } from "zod";
import { MAX_LOOKED_INTO } from "../../validation/limits.ts";
import { RULES } from "../../validation/rules/index.ts";
import { RuleSchema, settingsOf, type ValidateOptions } from "../../validation/settings.ts";
import type { Finding } from "../../validation/types.ts";
import { validateCode } from "../../validation/validate-code.ts";
import type { HookCode, Note } from "../hook.ts";
import { answerWith } from "./answers.ts";
import { defineBuiltin, hookAt } from "./define-builtin.ts";
import { READING_TIMEOUT_MS } from "./reading-time.ts";

const NAME = "dangerous-patterns";

/** What is told of code as a whole is for `limits` and `syntax` to decide. */
const OF_THE_WHOLE = new Set(RULES.filter(({ pattern }) => pattern.kind === "whole").map(({ id }) => id));

const Options = z.strictObject({
  /** How rules decide, by their ids, in place of their own decision. */
  rules: z.record(z.string().max(100), z.enum(["block", "ask", "warn", "off"])).default({}),
  /** Rules beside the built-in ones. */
  extraRules: z
    .array(RuleSchema.refine(({ pattern }) => pattern.kind !== "whole", "a rule looks for something in the code"))
    .max(100)
    .default([]),
});

/** Judges code by the rules of validation, in its syntax tree. */
export const dangerousPatterns = defineBuiltin({
  name: NAME,
  description:
    "Looks for dangerous constructs in the syntax tree, by the rules of validation; says the rule and the line",
  points: ["pre_execution"],
  options: Options.superRefine(({ rules }, issues) => {
    for (const id of Object.keys(rules)) {
      if (OF_THE_WHOLE.has(id))
        issues.addIssue({ code: "custom", path: ["rules", id], message: "is for the hooks `limits` and `syntax`" });
    }
  }),
  make: (options) => {
    const asked = toValidateOptions(options);
    // Unknown ids are told now, not when code comes.
    settingsOf(asked);
    return [
      hookAt("pre_execution", NAME, READING_TIMEOUT_MS, async ({ language, code }: HookCode, { signal }) => {
        const { decision, findings } = await validateCode(code, language, asked, signal);
        const notes = findings.map(noteOf);
        const decisive = findings.filter((finding) => finding.decision === decision);
        return answerWith(decision === "allow" ? "note" : decision, decisive.map(sentenceOf).join("; "), notes);
      }),
    ];
  },
});

/** Code that is too long to be looked into, or is no text, is still refused: unseen is not harmless. */
function toValidateOptions({ rules, extraRules }: z.output<typeof Options>): ValidateOptions {
  const decisions = Object.entries(rules).map(([id, decision]) => [id, { decision }] as const);
  return {
    rules: { ...Object.fromEntries(decisions), "common.syntax": { decision: "off" } },
    extraRules,
    maxLength: MAX_LOOKED_INTO,
  };
}

function sentenceOf({ ruleId, line, message }: Finding): string {
  return `${ruleId}, line ${line}: ${message}`;
}

function noteOf(finding: Finding): Note {
  return { code: finding.ruleId, message: `line ${finding.line}: ${finding.message}` };
}
