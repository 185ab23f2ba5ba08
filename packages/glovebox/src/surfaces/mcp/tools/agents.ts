import type { RunResult } from "@glovebox/sdk";
import { z } from "zod";
import { AgentName, TaskType } from "../../../agents/index.ts";
import { Id } from "../../operations/fields.ts";
import { BoundedText } from "../bounded-text.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool, type ToolAnswer } from "../tool.ts";

export const listAgents = defineTool({
  name: "list_agents",
  title: "List agents",
  description: "Lists who does tasks on repositories: the agents of the house, and those that registered from outside.",
  operations: ["agents.list"],
  readOnly: true,
  input: z.strictObject({}),
  output: z.object({
    agents: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        capabilities: z.array(z.string()).describe("Types of tasks that it does"),
        description: z.string(),
        status: z.string(),
      }),
    ),
  }),
  run: async (_args, call) => {
    const { items } = await call.box.agents.list({ signal: call.signal });
    const agents = items.map(({ name, kind, capabilities, description, status }) => {
      return { name, kind, capabilities: [...capabilities], description, status };
    });
    return { structured: { agents }, text: [`${agents.length} agents`, ...agents.map(({ name }) => name)] };
  },
});

const AgentState = z.object({
  run: z.string(),
  agent: z.string(),
  status: z.string(),
  answer: z.string().optional().describe("The agent's message as JSON: its result, or its error"),
  truncated: z.boolean(),
});

export const runAgent = defineTool({
  name: "run_agent",
  title: "Have one agent do one task",
  description:
    "Has an agent, such as `test_exec` or `static_analysis`, do one task on a repository that the server knows, and waits for its answer.",
  operations: ["agents.run", "runs.journal", "runs.result", "runs.cancel"],
  input: z.strictObject({
    agent: AgentName.describe("Its name, or `any`: who does tasks of the type and has the least to do"),
    type: TaskType.optional().describe("Of the task; default: the first that the agent does"),
    payload: z.record(z.string().max(100), z.unknown()).default({}).describe("As the agent wants it"),
    repository: Id.optional().describe("The repository's id; some agents need none"),
    ref: z.string().min(1).max(256).optional().describe("A branch, a tag or a commit; default the default branch"),
  }),
  output: AgentState,
  run: async ({ agent, type, payload, repository: repositoryId, ref }, call) => {
    const { box, signal } = call;
    const source = { kind: "repository", ...(ref !== undefined && { ref }) } as const;
    const repository = repositoryId === undefined ? undefined : { ...source, repositoryId };
    // Not with the signal: what was started must be known, so that it can be cancelled.
    const { run } = await box.agents.run(agent, { type, payload, repository });
    let isOver = false;
    try {
      const ended = await call.whileTelling("at work", () => box.runs.wait(run.id, { signal }));
      isOver = true;
      return answerOf(agent, ended);
    } finally {
      if (!isOver) await box.runs.cancel(run.id).catch(() => undefined);
    }
  },
});

function answerOf(agent: string, { run, output }: RunResult): ToolAnswer<z.infer<typeof AgentState>> {
  const text = new BoundedText(MCP_LIMITS.textCharacters);
  if (output !== undefined) text.take(JSON.stringify(output));
  const said = output === undefined ? run.error?.message : undefined;
  const structured = {
    ...{ run: run.id, agent, status: run.status },
    ...(output !== undefined && { answer: text.toString() }),
    truncated: text.isCut,
  };
  const head = `run ${run.id} of ${agent}: ${run.status}${said === undefined ? "" : `, ${said}`}`;
  const isError = typeof output === "object" && output !== null && "error" in output;
  return {
    structured,
    text: output === undefined ? [head] : [`${head}; its answer below`, text.toString()],
    failed: run.status !== "completed" || isError,
  };
}
