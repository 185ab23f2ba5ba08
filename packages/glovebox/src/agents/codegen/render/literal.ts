import type { CodeLanguage } from "../../code/code-file.ts";

/** A JSON value as a literal of a language. */
export function literal(value: unknown, language: CodeLanguage): string {
  if (language !== "python") return JSON.stringify(value);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, language)).join(", ")}]`;
  if (typeof value === "object")
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${literal(item, language)}`)
      .join(", ")}}`;
  // Python reads JSON's texts and numbers as its own.
  return JSON.stringify(value);
}
