import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { Language } from "../../core/schemas.ts";
import { MAX_LOOKED_INTO } from "./limits.ts";
import { RULES } from "./rules/index.ts";
import type { Rule, ValidationSettings } from "./types.ts";

const Severity = z.enum(["low", "medium", "high", "critical"]);
const Decision = z.enum(["block", "ask", "warn"]);
const Names = z.array(z.string().min(1).max(200)).min(1).max(100);
const Target = z.union([z.literal("root"), z.literal("device"), Names]);

const Pattern = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("name"), names: Names, argument: Target.optional() }),
  z.strictObject({ kind: z.literal("node"), types: Names }),
  z.strictObject({ kind: z.literal("command"), programs: Names, flags: Names.optional(), argument: Target.optional() }),
  z.strictObject({ kind: z.literal("pipe"), from: Names, to: Names }),
  z.strictObject({ kind: z.literal("write"), argument: Target }),
  z.strictObject({ kind: z.literal("fork-bomb") }),
  z.strictObject({ kind: z.literal("whole"), what: z.enum(["language", "length", "binary", "syntax"]) }),
]);

/** A rule as data: how an assistant's configuration writes its own. */
export const RuleSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$/, "an id is like `python.eval`"),
  language: z.enum(["any", "python", "javascript", "bash", "rust"]),
  severity: Severity,
  decision: Decision,
  pattern: Pattern,
  message: z.string().min(1).max(500),
});

/** What changes in the built-in rules, by their ids; `off` takes a rule away. */
const Override = z.strictObject({
  decision: z.enum(["block", "ask", "warn", "off"]).optional(),
  severity: Severity.optional(),
});

/** The settings of validation. Unknown fields are errors. */
export const ValidateOptions = z.strictObject({
  rules: z.record(z.string().max(100), Override).optional(),
  /** Rules beside the built-in ones, at most 100. */
  extraRules: z.array(RuleSchema).max(100).optional(),
  /** Default: every language. */
  allowedLanguages: z.array(Language).max(10).optional(),
  /** UTF-16 units. Default 10,000; code over 200,000 is refused whatever this says. */
  maxLength: z.int().min(1).max(MAX_LOOKED_INTO).optional(),
});
export type ValidateOptions = z.input<typeof ValidateOptions>;

/** The options with every default, or `invalid_argument` with what is wrong: an unknown field, language or rule. */
export function settingsOf(options: ValidateOptions): ValidationSettings {
  const parsed = ValidateOptions.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join(".") ?? "";
    throw new GloveboxError(
      "invalid_argument",
      `validation: ${path === "" ? "" : `${path}: `}${issue?.message ?? "invalid"}`,
      { details: { path } },
    );
  }
  const { rules = {}, extraRules = [], allowedLanguages = Language.options, maxLength = 10_000 } = parsed.data;
  const all = [...RULES, ...(extraRules as readonly Rule[])];
  const ids = new Set<string>();
  for (const { id } of all) {
    if (ids.has(id))
      throw new GloveboxError("invalid_argument", `validation: extraRules: there is a rule '${id}' already`);
    ids.add(id);
  }
  for (const id of Object.keys(rules)) {
    if (!ids.has(id))
      throw new GloveboxError("invalid_argument", `validation: rules: there is no rule '${id}'`, {
        details: { ruleId: id },
      });
  }
  return { rules: all.flatMap((rule) => changed(rule, rules[rule.id])), allowedLanguages, maxLength };
}

function changed(rule: Rule, override: z.output<typeof Override> | undefined): Rule[] {
  const { decision = rule.decision, severity = rule.severity } = override ?? {};
  return decision === "off" ? [] : [{ ...rule, decision, severity }];
}
