import type { StepExpressions } from "../runner/step-expressions.ts";
import type { StepRun } from "../runner/step-run.ts";
import type { InputDefinition, UsesStep } from "../workflow/workflow.ts";

type Definitions = Readonly<Record<string, Pick<InputDefinition, "default">>>;

/**
 * The inputs of an action by their declared names: what `with` gives, else the default. Names are compared without regard to case. What is not declared is given too, with a
 * warning, as on GitHub.
 */
export async function bindActionInputs(
  run: StepRun,
  step: UsesStep,
  definitions: Definitions,
  expressions: StepExpressions,
): Promise<Record<string, string>> {
  const declared = new Map(Object.keys(definitions).map((name) => [name.toLowerCase(), name]));
  const inputs: Record<string, string> = {};
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(step.with)) {
    const known = declared.get(name.toLowerCase());
    if (known === undefined) unknown.push(name);
    inputs[known ?? name] = await expressions.text(String(value));
  }
  for (const [name, { default: standard }] of Object.entries(definitions)) {
    if (inputs[name] === undefined)
      inputs[name] = standard === undefined ? "" : await expressions.text(String(standard));
  }
  if (unknown.length > 0) {
    const list = (names: readonly string[]) => `[${names.map((name) => `'${name}'`).join(", ")}]`;
    const message = `Unexpected input(s) ${list(unknown).slice(1, -1)}, valid inputs are ${list(Object.keys(definitions))}`;
    run.annotations.push({ level: "warning", message });
  }
  return inputs;
}

/** The variables that a JavaScript action finds its inputs in. Source: https://docs.github.com/en/actions/reference/workflows-and-actions/metadata-syntax#inputs */
export function inputVariables(inputs: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(inputs).map(([name, value]) => [
    `INPUT_${name.replaceAll(" ", "_").toUpperCase()}`,
    value,
  ]);
  return Object.fromEntries(entries);
}
