import { isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import { untrustedFields } from "./injection.ts";
import type { TemplateToken, TokenReader } from "./token-reader.ts";

/** Actions that run one of their inputs as a script. */
const SCRIPT_INPUTS: Readonly<Record<string, string>> = { "actions/github-script": "script" };

/** Warns where a value that an outsider can choose gets into a script's own text. */
export function checkInjection(tokens: TokenReader, steps: TemplateToken | undefined): void {
  if (steps === undefined || !isSequence(steps)) return;
  for (const step of steps) {
    const fields = tokens.fields(step);
    const script = fields.get("run") ?? scriptOf(tokens, fields);
    if (script === undefined) continue;
    for (const field of untrustedFields(tokens.text(script))) {
      const advice =
        "anybody can choose its value, and so what the script does. Put it into 'env' and use the variable";
      tokens.problems.add(`'${field}' is used in a script: ${advice}`, script, "warning");
    }
  }
}

function scriptOf(tokens: TokenReader, fields: ReadonlyMap<string, TemplateToken>): TemplateToken | undefined {
  const [action = ""] = (tokens.optionalText(fields.get("uses")) ?? "").toLowerCase().split("@");
  const input = Object.hasOwn(SCRIPT_INPUTS, action) ? SCRIPT_INPUTS[action] : undefined;
  return input === undefined ? undefined : tokens.fields(fields.get("with")).get(input);
}
