import { isBasicExpression, isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import type { TemplateToken, TokenReader } from "./token-reader.ts";

/** GitHub makes one expression of a script that holds any, and bounds it. */
const MAX_LENGTH = 21_000;

/** Refuses scripts that GitHub would refuse: a workflow that runs here must run there. */
export function checkScripts(tokens: TokenReader, steps: TemplateToken | undefined): void {
  if (steps === undefined || !isSequence(steps)) return;
  for (const step of steps) {
    const run = tokens.fields(step).get("run");
    if (run === undefined || !isBasicExpression(run)) continue;
    if (tokens.text(run).length > MAX_LENGTH) tokens.problems.add(`Exceeded max expression length ${MAX_LENGTH}`, run);
  }
}
