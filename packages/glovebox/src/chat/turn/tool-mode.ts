import { isGloveboxError, type ModelMessage, type ToolCall } from "../../core/index.ts";
import { tellBlock } from "./answer-mode.ts";
import { ask } from "./ask.ts";
import { useFiles } from "./file-tools.ts";
import { judge } from "./judge.ts";
import { useProject } from "./project-tools.ts";
import { endsTurn } from "./refused.ts";
import { bounded, resultText } from "./result-text.ts";
import { runBlock } from "./run-code.ts";
import { type CheckedCall, checkCall, modelTools, type ToolInput, type ToolName } from "./tools.ts";
import type { TurnScope } from "./turn-scope.ts";

interface Told {
  readonly text: string;
  readonly isError: boolean;
}

/** The model is given tools, and asked again with what they gave until it calls none any more. */
export async function toolMode(scope: TurnScope, before: readonly ModelMessage[]): Promise<void> {
  const { record } = scope;
  const tools = modelTools(toolsOf(scope));
  for (;;) {
    const { text, toolCalls } = await ask(scope, [...before, ...record.said], tools);
    if (toolCalls.length === 0) {
      if (text !== "") record.said.push({ role: "assistant", text });
      return;
    }
    record.said.push({ role: "assistant", text, toolCalls });
    await makeCalls(scope, toolCalls);
  }
}

/** What the assistant gives its model, but what whoever asks may not do. */
function toolsOf({ input }: TurnScope): readonly ToolName[] {
  return input.assistant.execution.tools.filter((name) => input.forbidden?.includes(name) !== true);
}

/** Every call gets its result, also one that is not made any more: a model takes no conversation in which one is missing. */
async function makeCalls(scope: TurnScope, calls: readonly ToolCall[]): Promise<void> {
  let failure: unknown;
  for (const { id, name, input } of calls) {
    if (failure === undefined) scope.emit({ type: "tool_called", callId: id, name, input });
    const told =
      failure === undefined
        ? await makeCall(scope, name, input).catch((error: unknown) => {
            failure = error;
            return notMade(error);
          })
        : notMade(failure);
    const { text, isError } = told;
    scope.emit({ type: "tool_answered", callId: id, name, isError });
    scope.record.said.push({ role: "tool", callId: id, name, text: bounded(text), ...(isError && { isError }) });
  }
  if (failure !== undefined) throw failure;
}

function notMade(error: unknown): Told {
  return { text: `not done: ${isGloveboxError(error) ? error.message : "the turn ended"}`, isError: true };
}

/** What fails of itself is told the model, which may do otherwise; what ends the turn is thrown. */
async function makeCall(scope: TurnScope, name: string, input: unknown): Promise<Told> {
  scope.budget.countToolCall();
  const call = checkCall(toolsOf(scope), name, input);
  if ("problem" in call) return { text: call.problem, isError: true };
  try {
    return await perform(scope, call);
  } catch (error) {
    if (endsTurn(scope, error) || !isGloveboxError(error)) throw error;
    return { text: `${error.code}: ${error.message}`, isError: true };
  }
}

async function perform(scope: TurnScope, call: Exclude<CheckedCall, { readonly problem: string }>): Promise<Told> {
  switch (call.name) {
    case "execute_code":
      return executeCode(scope, call.input);
    case "read_file":
    case "write_file":
    case "list_files":
      return { text: await useFiles(scope, call.name, call.input), isError: false };
    case "snapshot":
      return { text: await takeSnapshot(scope), isError: false };
    case "rollback":
      return { text: await rollBack(scope, call.input), isError: false };
    default:
      return useProject(scope, call);
  }
}

async function executeCode(scope: TurnScope, { language, code }: ToolInput<"execute_code">): Promise<Told> {
  const index = scope.record.blocks.length;
  const base = { index, language, code, confidence: 1, notes: [] };
  const verdict = await judge(scope, { language, code, grounds: "the model called the tool execute_code" });
  const { code: judged, ...decided } = verdict;
  const block = { ...base, ...judged, ...decided };
  tellBlock(scope, block);
  if (verdict.decision !== "executed") return { text: `not run: ${verdict.reason}`, isError: true };
  const outcome = await runBlock(scope, block, judged);
  if ("problem" in outcome) return { text: outcome.problem, isError: true };
  return { text: resultText(outcome.ran), isError: outcome.ran.status !== "ok" };
}

async function takeSnapshot(scope: TurnScope): Promise<string> {
  const { context, parts, budget } = scope;
  const id = await context.step(
    "snapshot",
    {},
    async (_given, step) => {
      const sessionId = await scope.session(step);
      const snapshot = await parts.services.snapshots.create(context.tenantId, sessionId, {
        name: "chat: by the model",
      });
      step.record("snapshot.taken", { sandbox: "conversation", sessionId, snapshotId: snapshot.id });
      return snapshot.id;
    },
    await budget.time(),
  );
  return `snapshot ${id}`;
}

async function rollBack(scope: TurnScope, { snapshot }: ToolInput<"rollback">): Promise<string> {
  const { context, parts, budget } = scope;
  await context.step(
    "rollback",
    { snapshot },
    async (given, step) => {
      const sessionId = await scope.session(step);
      step.record("tool.called", { tool: "rollback", sessionId, snapshotId: given.snapshot });
      await parts.services.snapshots.rollback(context.tenantId, sessionId, given.snapshot, { force: true });
    },
    await budget.time(),
  );
  return `the workspace is as it was at snapshot ${snapshot}`;
}
