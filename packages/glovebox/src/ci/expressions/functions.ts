import { data } from "@actions/expressions";
import { wellKnownFunctions } from "@actions/expressions/funcs";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import type { JsonValue } from "../../engine/index.ts";
import type { Functions } from "./contexts.ts";
import { type ExpressionData, fromData, TextData, toData } from "./data.ts";
import { invalid } from "./invalid.ts";
import type { WorkBudget } from "./work-budget.ts";

/** The library's functions within bounds, and those that it leaves to its user. */
export function functionsOf(given: Functions, budget: WorkBudget): Map<string, FunctionDefinition> {
  const functions = new Map<string, FunctionDefinition>();
  for (const definition of Object.values(wellKnownFunctions)) define(functions, definition, within(definition, budget));
  const { status } = given;
  for (const name of ["success", "failure", "cancelled"] as const) {
    const call = () => new data.BooleanData(required(status, name)[name]());
    define(functions, { name, minArgs: 0, maxArgs: 0 }, call);
  }
  define(functions, { name: "always", minArgs: 0, maxArgs: 0 }, () => new data.BooleanData(true));
  define(functions, { name: "hashFiles", minArgs: 1, maxArgs: 255 }, (...args) => {
    const answer = required(given.hashFiles, "hashFiles")(args.map((arg) => arg.coerceString()));
    return new TextData(answer);
  });
  return functions;
}

type Call = FunctionDefinition["call"];

function define(functions: Map<string, FunctionDefinition>, info: Omit<FunctionDefinition, "call">, call: Call): void {
  functions.set(info.name.toLowerCase(), { ...info, call });
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw invalid(`The function '${name}' is not available here`);
  return value;
}

function within(definition: FunctionDefinition, budget: WorkBudget): Call {
  const own: Readonly<Record<string, (args: readonly ExpressionData[]) => ExpressionData>> = {
    format: (args) => {
      budget.spendOnText(formattedLength(args));
      return new TextData(definition.call(...args).coerceString());
    },
    join: (args) => {
      budget.spendOnText(joinedLength(args));
      return new TextData(definition.call(...args).coerceString());
    },
    tojson: ([value]) => new TextData(jsonText(value ?? new data.Null(), budget)),
    fromjson: ([value]) => parsedJson(value?.coerceString() ?? "", budget),
  };
  const bounded = own[definition.name.toLowerCase()];
  return (...args) => {
    for (const arg of args) budget.spend(sizeOf(arg));
    return bounded === undefined ? definition.call(...args) : bounded(args);
  };
}

/** What reading `value` costs: characters of a text, items of a list. */
export function sizeOf(value: ExpressionData): number {
  if (value instanceof data.StringData) return value.value.length;
  return value instanceof data.Array ? value.values().length : 1;
}

/** At most how long `format`'s result is, without making it. */
function formattedLength(args: readonly ExpressionData[]): number {
  const [template = "", ...values] = args.map((arg) => arg.coerceString());
  let length = template.length;
  for (const [, index] of template.matchAll(/\{(\d+)/g)) length += values[Number(index)]?.length ?? 0;
  return length;
}

function joinedLength([list, separator]: readonly ExpressionData[]): number {
  if (!(list instanceof data.Array)) return list?.coerceString().length ?? 0;
  const between = separator?.coerceString().length ?? 1;
  return list.values().reduce((sum, item) => sum + item.coerceString().length + between, 0);
}

function jsonText(value: ExpressionData, budget: WorkBudget): string {
  if (value instanceof data.NumberData && !Number.isFinite(value.value)) return value.coerceString();
  const text = JSON.stringify(fromData(value), undefined, 2);
  budget.spendOnText(text.length);
  return text;
}

function parsedJson(text: string, budget: WorkBudget): ExpressionData {
  if (text.trim() === "") throw invalid("Error parsing fromJson: empty input");
  budget.spendOnText(text.length);
  try {
    return toData(JSON.parse(text) as JsonValue);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid("Error parsing JSON when evaluating fromJson");
  }
}
