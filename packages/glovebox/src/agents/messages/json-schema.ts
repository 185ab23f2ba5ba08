import { type ZodType, z } from "zod";
import { Artifact } from "./artifact.ts";
import { Delta, Diff } from "./diff.ts";
import { AgentError, AgentResult } from "./result.ts";
import { AgentTask, NewTask } from "./task.ts";

const SCHEMAS: Readonly<Record<string, ZodType>> = {
  AgentTask,
  AgentResult,
  AgentError,
  Artifact,
  Delta,
  Diff,
  NewTask,
};

/** The messages as JSON Schema (2020-12), made from what validates them. */
export function messageSchemas(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, z.toJSONSchema(schema)]));
}
