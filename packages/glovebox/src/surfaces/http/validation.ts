import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";

/** Which part of a request a value came from. */
export type Part = "params" | "query" | "body";

const PART_NAMES: Readonly<Record<Part, string>> = { params: "path", query: "query", body: "body" };
const MAX_ISSUES = 8;
const MAX_TEXT = 300;
/** For an operation without a schema for a part: nothing is allowed there. */
export const Nothing = z.strictObject({});

/**
 * The value as the schema makes it, or `invalid_argument` whose `details.path` says where the first fault is and
 * `details.issues` lists the first few.
 */
export function validate<T extends z.ZodType>(schema: T, value: unknown, part: Part): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, MAX_ISSUES).map(describe);
  const first = issues[0] ?? { path: "", message: "invalid" };
  const where = first.path === "" ? "" : `${first.path}: `;
  throw new GloveboxError("invalid_argument", `${PART_NAMES[part]}: ${where}${first.message}`, {
    details: { in: PART_NAMES[part], path: first.path, issues },
  });
}

function describe(issue: z.core.$ZodIssue): { path: string; message: string } {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return { path: cut([...path, issue.keys[0] ?? ""].join(".")), message: "unknown field" };
  }
  return { path: cut(path.join(".")), message: cut(issue.message) };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
