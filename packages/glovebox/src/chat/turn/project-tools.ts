import { isGloveboxError } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import { askPerson } from "../approvals/ask-person.ts";
import type { HookCode, HookDecision } from "../hooks/hook.ts";
import type { ProjectHit, ProjectRun, ProjectStart } from "../project.ts";
import { askAll, askHooks } from "./ask-hooks.ts";
import { awaitRun, projectOf, startedKey } from "./project-run.ts";
import { refusal } from "./refused.ts";
import { bounded } from "./result-text.ts";
import { type CheckedCall, checkCall, type ProjectTool, type ToolInput } from "./tools.ts";
import type { TurnScope } from "./turn-scope.ts";

/** One task of one agent, when neither the turn's budget nor the task itself ends it before. */
const MAX_TASK_MS = 3_600_000;

type ProjectCall = Extract<CheckedCall, { readonly name: ProjectTool }>;

interface Told {
  readonly text: string;
  readonly isError: boolean;
}

/**
 * Does what a tool that reaches beyond the sandbox asks for. Hooks see it before as the command that does the same, with the tool itself beside it, and what it gives like what programs print; they may
 * block it, change its input, or have a person asked.
 */
export async function useProject(scope: TurnScope, called: ProjectCall): Promise<Told> {
  const admitted = await admit(scope, called);
  if ("problem" in admitted) return { text: `not done: ${admitted.problem}`, isError: true };
  const told = await perform(scope, admitted.call);
  return { ...told, text: await seen(scope, admitted.call, told.text) };
}

async function admit(
  scope: TurnScope,
  called: ProjectCall,
): Promise<{ readonly call: ProjectCall } | { readonly problem: string }> {
  const command = commandOf(called);
  const asked = await askHooks(scope, "pre_execution", command);
  if (asked.outcome === "block") return { problem: `the hook ${asked.hook} blocks: ${asked.reason}` };
  const { code, tool } = asked.value;
  if (code !== command.code || tool?.name !== called.name) {
    return { problem: "a hook changed the command of a tool, which is none: it may change the tool's input" };
  }
  const call = checkCall([called.name], called.name, tool.input);
  if ("problem" in call) return { problem: `a hook made of the input what is none: ${call.problem}` };
  if (asked.prompts.length > 0) {
    const { language, code: shown } = commandOf(call as ProjectCall);
    const answer = await askPerson(scope, { prompt: asked.prompts.join("\n"), language, code: shown });
    if (answer.status !== "approved") return { problem: refusal(answer) };
  }
  return { call: call as ProjectCall };
}

async function perform(scope: TurnScope, { name, input }: ProjectCall): Promise<Told> {
  switch (name) {
    case "search_context":
      return { text: await search(scope, input), isError: false };
    case "run_flow": {
      const runId = await start(scope, name, input);
      return { text: `run ${runId} of the flow ${input.flow} goes on: look at it with get_flow_run`, isError: false };
    }
    case "get_flow_run": {
      const run = await awaitRun(scope, { runId: input.run, kind: "flow", waitMs: input.waitSeconds * 1_000 });
      return toldOf(scope, run);
    }
    case "apply_flow_run":
      return { text: await applyFlow(scope, input), isError: false };
    case "ask_agent": {
      const runId = await start(scope, name, input);
      return toldOf(scope, await finished(scope, runId));
    }
  }
}

/** What came of a run; what it used counts once. */
function toldOf({ record }: TurnScope, run: ProjectRun): Told {
  const { runId, status, isOver, isFailed, text, usage } = run;
  if (isOver && record.startedRuns.delete(runId)) {
    record.addUsage({
      inputTokens: usage.tokens,
      outputTokens: 0,
      ...(usage.dollars > 0 && { dollars: usage.dollars }),
    });
  }
  return { text: `run ${runId}: ${status}\n${text}`, isError: isFailed };
}

/** Waits for one agent's answer. When the turn cannot wait any longer, nobody will. */
async function finished(scope: TurnScope, runId: string): Promise<ProjectRun> {
  try {
    return await awaitRun(scope, { runId, kind: "task", waitMs: MAX_TASK_MS });
  } catch (error) {
    if (!scope.context.signal.aborted && isGloveboxError(error)) await stop(scope, runId);
    throw error;
  }
}

async function stop(scope: TurnScope, runId: string): Promise<void> {
  await scope.context.step("stop run", { runId }, async (given, step) => {
    const project = await projectOf(scope, step.signal);
    await project.cancel(scope.context.tenantId, given.runId, "the turn that asked for it ended");
  });
}

async function search(scope: TurnScope, input: ToolInput<"search_context">): Promise<string> {
  const { context, budget } = scope;
  const hits = await context.step(
    "search_context",
    input,
    async (given, step) => {
      step.record("tool.called", { tool: "search_context" });
      return (await projectOf(scope, step.signal)).search(context.tenantId, given, step.signal);
    },
    { retry: { maxAttempts: 1 }, ...(await budget.time()) },
  );
  return hits.length === 0 ? "nothing is found" : hits.map(hitText).join("\n\n");
}

function hitText({ path, kind, lines, text }: ProjectHit): string {
  return `${path}:${lines.start}-${lines.end} (${kind})\n${text}`;
}

/** Starts a run on a copy of the workspace. It is ended when the turn is cancelled. */
async function start<N extends "run_flow" | "ask_agent">(
  scope: TurnScope,
  name: N,
  input: ToolInput<N>,
): Promise<string> {
  const { context, record, budget } = scope;
  const limits = await budget.rest(record.usage);
  const { runId } = await context.step(
    name,
    { input, limits },
    async (given, step) => {
      const begin = { ...(await startOf(scope, step)), budget: given.limits };
      const project = await projectOf(scope, step.signal);
      const { tenantId } = context;
      const id = await (name === "run_flow"
        ? project.startFlow(tenantId, given.input as ToolInput<"run_flow">, begin)
        : project.startTask(tenantId, taskOf(given.input as ToolInput<"ask_agent">), begin)
      ).catch((error: unknown) => startedBefore(error));
      step.record("tool.called", { tool: name, startedRunId: id });
      return { runId: id };
    },
    {
      retry: { maxAttempts: 1 },
      ...(await budget.time()),
      compensate: async (started, step) => {
        const project = await projectOf(scope, step.signal);
        await project.cancel(context.tenantId, started.runId, "the turn that started it was cancelled");
      },
    },
  );
  record.startedRuns.add(runId);
  return runId;
}

function taskOf({ agent, task, payload }: ToolInput<"ask_agent">) {
  return { agent, payload, ...(task !== undefined && { type: task }) };
}

async function startOf(scope: TurnScope, step: StepContext): Promise<Omit<ProjectStart, "budget">> {
  const { context, parts } = scope;
  const sessionId = await scope.session(step);
  const files = await parts.services.sessions.files(context.tenantId, sessionId);
  return { files, idempotencyKey: startedKey(step.runId, step.idempotencyKey), signal: step.signal };
}

/** After a crash, on a workspace that was changed meanwhile: the key finds the run that the first attempt started. */
function startedBefore(error: unknown): string {
  const found = isGloveboxError(error, "conflict") ? error.details?.runId : undefined;
  if (typeof found === "string") return found;
  throw error;
}

async function applyFlow(scope: TurnScope, input: ToolInput<"apply_flow_run">): Promise<string> {
  const { context, budget, parts } = scope;
  const paths = await context.step(
    "apply_flow_run",
    input,
    async (given, step) => {
      const sessionId = await scope.session(step);
      const files = await parts.services.sessions.files(context.tenantId, sessionId);
      step.record("tool.called", { tool: "apply_flow_run", sessionId, flowRunId: given.run });
      const project = await projectOf(scope, step.signal);
      return project.applyFlow(context.tenantId, given.run, { files, signal: step.signal });
    },
    { retry: { maxAttempts: 1 }, ...(await budget.time()) },
  );
  return paths.length === 0 ? "the flow changed nothing" : `changed: ${paths.join(", ")}`;
}

/** The command that does the same for whoever has the workspace as a folder. */
function commandOf({ name, input }: ProjectCall): HookCode & { readonly tool: NonNullable<HookCode["tool"]> } {
  return {
    language: "bash",
    code: `glovebox ${wordsOf({ name, input } as ProjectCall).join(" ")}`,
    tool: { name, input },
  };
}

function wordsOf({ name, input }: ProjectCall): string[] {
  switch (name) {
    case "search_context":
      return ["context", "query", quoted(input.query)];
    case "run_flow":
      return ["flow", "run", quoted(input.flow), ...Object.entries(input.input).flatMap(inputWords)];
    case "get_flow_run":
      return ["flow", "watch", quoted(input.run)];
    case "apply_flow_run":
      return ["flow", "watch", quoted(input.run), "--apply"];
    case "ask_agent":
      return ["agents", "run", quoted(input.agent), "--payload", quoted(JSON.stringify(input.payload))];
  }
}

function inputWords([name, value]: readonly [string, unknown]): string[] {
  return ["--input", quoted(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What the model is told of what a tool gave: masked, and past the hooks. The journal has nothing else of it that they would take out, but what the run itself has. */
async function seen(scope: TurnScope, call: ProjectCall, text: string): Promise<string> {
  const masked = bounded(scope.parts.outputRedactor.redact(text));
  if (scope.input.assistant.hooks.length === 0) return masked;
  const { context, record, budget } = scope;
  const outcome = { ...commandOf(call), status: "ok", stdout: masked, stderr: "" } as const;
  const told = await context.step(
    "hooks post_execution",
    { outcome },
    async (given, step): Promise<{ readonly text: string; readonly decisions: readonly HookDecision[] }> => {
      const { decisions, ...result } = await askAll(scope, "post_execution", given.outcome, step);
      if (result.outcome === "block") {
        return { text: `withheld: the hook ${result.hook} blocks: ${result.reason}`, decisions };
      }
      // Nobody is asked about a result: what would need a person is not shown.
      const isHeld = result.prompts.length > 0;
      const held = `withheld: a person would have to agree: ${result.prompts.join("; ")}`;
      return { text: isHeld ? held : result.value.stdout, decisions };
    },
    { retry: { maxAttempts: 1 }, ...(await budget.time()) },
  );
  record.decisions.push(...told.decisions);
  return told.text;
}
