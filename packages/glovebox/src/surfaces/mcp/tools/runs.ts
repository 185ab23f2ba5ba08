import type { RunResult } from "@glovebox/sdk";
import { z } from "zod";
import { Id } from "../../operations/fields.ts";
import { BoundedText } from "../bounded-text.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, type ToolAnswer } from "../tool.ts";

const RunAnswer = z.object({
  run: z.string(),
  program: z.string(),
  version: z.string(),
  status: z.string(),
  waitingFor: z.array(z.string()).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  output: z.string().optional().describe("What it came to, as JSON text"),
  truncated: z.boolean(),
});

export const startRun = defineTool({
  name: "start_run",
  title: "Start a durable run",
  description:
    "Starts one of the server's programs as a durable run, which goes on by itself and survives restarts. Look after it with `get_run`.",
  operations: ["runs.start"],
  input: z.strictObject({
    program: z.string().min(1).max(256),
    input: z.unknown().optional().describe("JSON, as the program wants it"),
  }),
  output: RunAnswer,
  run: async ({ program, input }, call) => {
    const result = await call.box.runs.start(
      { program, ...(input !== undefined && { input }) },
      { signal: call.signal },
    );
    return answerOf(result);
  },
});

export const getRun = defineTool({
  name: "get_run",
  title: "Look after a run",
  description: "Tells how a durable run stands, and what it came to when it has ended.",
  operations: ["runs.result"],
  readOnly: true,
  input: z.strictObject({ run: Id }),
  output: RunAnswer,
  run: async ({ run }, call) => answerOf(await call.box.runs.result(run, { signal: call.signal })),
});

function answerOf({ run, output }: RunResult): ToolAnswer<z.infer<typeof RunAnswer>> {
  const text = new BoundedText(MCP_LIMITS.textCharacters);
  if (output !== undefined) text.take(JSON.stringify(output));
  const structured = {
    ...{ run: run.id, program: run.program, version: run.version, status: run.status },
    ...(run.waitingFor !== undefined && { waitingFor: [...run.waitingFor] }),
    ...(run.error !== undefined && { error: { code: run.error.code, message: run.error.message } }),
    ...(output !== undefined && { output: text.toString() }),
    truncated: text.isCut,
  };
  const head = `run ${run.id} of ${run.program}: ${run.status}`;
  return {
    structured,
    text: output === undefined ? [head] : [`${head}; output below`, text.toString()],
    failed: run.status === "failed" || run.status === "cancelled",
  };
}
