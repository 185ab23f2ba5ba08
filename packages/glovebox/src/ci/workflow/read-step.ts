import { isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import { omitUndefined } from "./omit-undefined.ts";
import type { TemplateToken, TokenReader } from "./token-reader.ts";
import type { Step } from "./workflow.ts";

const REPOSITORY_ACTION = /^[^/\\@\s]+[/\\][^/\\@\s]+([/\\][^@\s]*)?@\S+$/;

/** The steps of a job or of a composite action. */
export function readSteps(tokens: TokenReader, token: TemplateToken | undefined): readonly Step[] {
  if (token === undefined || !isSequence(token)) return [];
  checkIds(tokens, [...token]);
  return [...token].map((item) => readStep(tokens, item));
}

/** `steps.Build` and `steps.build` are the same: ids that differ by case only would hide one another. */
function checkIds(tokens: TokenReader, steps: readonly TemplateToken[]): void {
  const ids = steps.map((step) => tokens.fields(step).get("id")).filter((id) => id !== undefined);
  const seen = new Set<string>();
  for (const token of ids) {
    const id = tokens.text(token);
    if (seen.has(id.toLowerCase()))
      tokens.problems.add(`The identifier '${id}' may not be used more than once within the same scope.`, token);
    seen.add(id.toLowerCase());
  }
}

function readStep(tokens: TokenReader, token: TemplateToken): Step {
  const fields = tokens.fields(token);
  const condition = fields.get("if");
  const continueOnError = fields.get("continue-on-error");
  const timeout = fields.get("timeout-minutes");
  const base = {
    ...omitUndefined({
      id: tokens.optionalText(fields.get("id")),
      name: tokens.optionalText(fields.get("name")),
      if: condition && tokens.condition(condition),
      continueOnError: continueOnError && tokens.boolean(continueOnError),
      timeoutMinutes: timeout && tokens.number(timeout),
    }),
    env: tokens.env(fields.get("env")),
    position: tokens.position(token),
  };
  const run = fields.get("run");
  if (run === undefined) {
    const uses = fields.get("uses");
    if (uses !== undefined) checkUses(tokens, uses);
    return { ...base, kind: "uses", uses: tokens.optionalText(uses) ?? "", with: tokens.record(fields.get("with")) };
  }
  const shell = tokens.optionalText(fields.get("shell"));
  const workingDirectory = tokens.optionalText(fields.get("working-directory"));
  return { ...base, kind: "run", run: tokens.text(run), ...omitUndefined({ shell, workingDirectory }) };
}

function checkUses(tokens: TokenReader, token: TemplateToken): void {
  const uses = tokens.text(token);
  if (uses.startsWith("docker://") || /^\.{1,2}[/\\]/.test(uses) || uses === "." || REPOSITORY_ACTION.test(uses))
    return;
  tokens.problems.add(`Expected format {org}/{repo}[/path]@ref. Actual '${uses}'`, token);
}
