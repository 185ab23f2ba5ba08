import { z } from "zod";
import type { CodeLanguage } from "../code/code-file.ts";

/** A value as the programs in `inside/` write it: JSON that keeps the language's types. */
export type PlainValue =
  | null
  | boolean
  | number
  | { readonly float: string }
  | { readonly text: string }
  | { readonly list: readonly PlainValue[] }
  | { readonly tuple: readonly PlainValue[] }
  | { readonly dict: readonly (readonly [PlainValue, PlainValue])[] };

const MAX_ITEMS = 20;

/** Read with a bound of its own on depth: what a sandbox says is not to be trusted. */
function plainValue(depth: number): z.ZodType<PlainValue> {
  const items: z.ZodType<PlainValue> = depth === 0 ? z.never() : plainValue(depth - 1);
  return z.union([
    z.null(),
    z.boolean(),
    z.number(),
    z.strictObject({ float: z.string().regex(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/) }),
    z.strictObject({ text: z.string().max(300) }),
    z.strictObject({ list: z.array(items).max(MAX_ITEMS) }),
    z.strictObject({ tuple: z.array(items).max(MAX_ITEMS) }),
    z.strictObject({ dict: z.array(z.tuple([items, items])).max(MAX_ITEMS) }),
  ]);
}

export const PlainValue = plainValue(4);

/** As a literal of the language. */
export function sourceOf(value: PlainValue, language: CodeLanguage): string {
  const isPython = language === "python";
  const all = (items: readonly PlainValue[]) => items.map((item) => sourceOf(item, language)).join(", ");
  if (value === null) return isPython ? "None" : "null";
  if (typeof value === "boolean") return isPython ? (value ? "True" : "False") : String(value);
  if (typeof value === "number") return String(value);
  if ("float" in value) return value.float;
  if ("text" in value) return JSON.stringify(value.text);
  if ("list" in value) return `[${all(value.list)}]`;
  if ("tuple" in value) return `(${all(value.tuple)}${value.tuple.length === 1 ? "," : ""})`;
  const entries = value.dict.map(([key, item]) => `${sourceOf(key, language)}: ${sourceOf(item, language)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}
