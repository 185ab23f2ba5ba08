import { omitUndefined } from "./omit-undefined.ts";
import { isNull, type TemplateToken, type TokenReader } from "./token-reader.ts";
import type { InputDefinition, InputType } from "./workflow.ts";

const TYPES: ReadonlySet<string> = new Set<InputType>(["string", "boolean", "number", "choice", "environment"]);

/** The inputs of `workflow_dispatch`, `workflow_call` or an action. */
export function readInputs(
  tokens: TokenReader,
  token: TemplateToken | undefined,
): Readonly<Record<string, InputDefinition>> {
  const inputs = [...tokens.fields(token)].map(([name, value]) => [name, readInput(tokens, value)]);
  return Object.fromEntries(inputs);
}

function readInput(tokens: TokenReader, token: TemplateToken): InputDefinition {
  const fields = isNull(token) ? new Map<string, TemplateToken>() : tokens.fields(token);
  const type = tokens.optionalText(fields.get("type")) ?? "string";
  const required = fields.get("required");
  const standard = fields.get("default");
  const options = fields.get("options");
  const definition: InputDefinition = {
    type: TYPES.has(type) ? (type as InputType) : "string",
    required: required !== undefined && String(tokens.boolean(required)) === "true",
    ...omitUndefined({
      description: tokens.optionalText(fields.get("description")),
      default: standard && tokens.scalar(standard),
      options: options && tokens.list(options),
    }),
  };
  if (standard !== undefined) checkDefault(tokens, definition, standard);
  return definition;
}

function checkDefault(tokens: TokenReader, input: InputDefinition, token: TemplateToken): void {
  const { default: value, type, options } = input;
  if (typeof value === "string" && value.includes("${" + "{")) return;
  const fits = type === "boolean" || type === "number" ? typeof value === type : true;
  if (!fits) tokens.problems.add(`The default must be a ${type}`, token);
  else if (type === "choice" && options !== undefined && !options.includes(String(value))) {
    tokens.problems.add(`The default '${value}' is not one of the options`, token);
  }
}
