import type { ZodType } from "zod";
import type { FlowProblem, LocatedYaml, Path } from "./located-yaml.ts";

/** What the schema says, each problem at its place. */
export function checkShape<T>(
  schema: ZodType<T>,
  value: unknown,
  path: Path,
  yaml: LocatedYaml,
  problems: FlowProblem[],
): T | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues.slice(0, 20)) {
    const at = [...path, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) problems.push(yaml.problem(`there is no field ${key} here`, at, { key }));
    } else {
      const isMissing = issue.code === "invalid_type" && issue.input === undefined;
      problems.push(yaml.problem(isMissing ? `${String(at.at(-1))} is missing` : issue.message, at));
    }
  }
  return undefined;
}
