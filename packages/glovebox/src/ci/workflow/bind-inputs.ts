import { GloveboxError } from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import type { Contexts } from "../expressions/contexts.ts";
import { evaluateTemplated } from "../expressions/interpolate.ts";
import type { InputDefinition } from "./workflow.ts";

type Definitions = Readonly<Record<string, InputDefinition>>;
type Bound = Readonly<Record<string, string | number | boolean>>;

/**
 * The values of a workflow's inputs (`workflow_dispatch`, `workflow_call`): what was given, in the types that are declared; else the default;
 * else false, 0 or the empty text. Given values may be texts (`"true"`, `"3"`), as they come from a form or a command line.
 * `invalid_argument` for an input that is not declared, a required one that is missing, and a value that does not fit its type or options.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onworkflow_callinputs
 */
export function bindInputs(
  definitions: Definitions,
  given: Readonly<Record<string, JsonValue>>,
  contexts: Contexts = {},
): Bound {
  const names = new Map(Object.keys(definitions).map((name) => [name.toLowerCase(), name]));
  const values = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(given)) {
    const declared = names.get(name.toLowerCase());
    if (declared === undefined) throw invalid(`Invalid input, '${name}' is not defined in the workflow.`);
    values.set(declared, value);
  }
  const bound = Object.entries(definitions).map(([name, definition]) => {
    return [name, valueFor(name, definition, values.get(name), contexts)] as const;
  });
  return Object.fromEntries(bound);
}

function valueFor(
  name: string,
  definition: InputDefinition,
  given: JsonValue | undefined,
  contexts: Contexts,
): string | number | boolean {
  const isGiven = given !== undefined && given !== null;
  if (!isGiven && definition.required && definition.default === undefined) {
    throw invalid(`Input '${name}' is required, but not provided.`);
  }
  const { default: standard } = definition;
  const value = isGiven ? given : typeof standard === "string" ? evaluateTemplated(standard, contexts) : standard;
  return typed(name, definition, value ?? undefined);
}

function typed(
  name: string,
  { type, options }: InputDefinition,
  value: JsonValue | undefined,
): string | number | boolean {
  if (type === "boolean") return asBoolean(name, value);
  if (type === "number") return asNumber(name, value);
  if (typeof value === "object") throw invalid(`Input '${name}' must be a text.`);
  const text = String(value ?? (type === "choice" ? (options?.[0] ?? "") : ""));
  if (type === "choice" && options !== undefined && !options.includes(text)) {
    throw invalid(`Input '${name}' must be one of: ${options.join(", ")}. Actual '${text}'.`);
  }
  return text;
}

function asBoolean(name: string, value: JsonValue | undefined): boolean {
  if (value === undefined || value === "") return false;
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw invalid(`Input '${name}' must be true or false.`);
}

function asNumber(name: string, value: JsonValue | undefined): number {
  if (value === undefined || value === "") return 0;
  const number = typeof value === "string" ? Number(value.trim() || Number.NaN) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw invalid(`Input '${name}' must be a number.`);
}

function invalid(message: string): GloveboxError {
  return new GloveboxError("invalid_argument", message);
}
