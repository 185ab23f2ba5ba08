import {
  type GloveboxError,
  isGloveboxError,
  type ModelMessage,
  toGloveboxError,
  toTimestamp,
} from "../../core/index.ts";
import { defineProgram, type Program, type ProgramContext } from "../../engine/index.ts";
import { openHooks } from "../hooks/open-hooks.ts";
import type { TurnEvent, TurnResult } from "../services.ts";
import { answerMode } from "./answer-mode.ts";
import { ask } from "./ask.ts";
import { assistantProvider } from "./assistant-provider.ts";
import { toolMode } from "./tool-mode.ts";
import { TurnBudget } from "./turn-budget.ts";
import { CHAT_TURN, TurnRunInput, TurnRunOutput } from "./turn-input.ts";
import { TurnRecord } from "./turn-record.ts";
import { findSession, type TurnParts, type TurnScope } from "./turn-scope.ts";
import { watchedContext } from "./watched-context.ts";

const VERSION = "1";

/** The program that every turn of every conversation is a run of. Failures of the model, of hooks and of the budget are results; the run completes. */
export function chatTurnProgram(
  parts: TurnParts,
  admitted: (runId: string, tenantId: string, conversationId: string, signal: AbortSignal) => Promise<void>,
): Program<TurnRunInput, TurnResult> {
  return defineProgram({
    name: CHAT_TURN,
    version: VERSION,
    description: "A turn of a chat; started by POST /v1/chat",
    input: TurnRunInput,
    output: TurnRunOutput,
    run: async (context, input) => {
      const { conversationId } = input;
      const of = await context.step("begin", { conversationId }, async (_given, step) => {
        await admitted(step.runId, context.tenantId, conversationId, step.signal);
        return { runId: step.runId };
      });
      const scope = await openScope(parts, context, input, of.runId !== context.runId);
      const error = await workOn(scope);
      await remember(scope);
      return resultOf(scope, error);
    },
  });
}

async function openScope(
  parts: TurnParts,
  given: ProgramContext,
  input: TurnRunInput,
  isApart: boolean,
): Promise<TurnScope> {
  let isLive = false;
  const context = watchedContext(given, async (work) => {
    isLive = true;
    return work();
  });
  const { assistant, messages } = input;
  const scope: TurnScope = {
    parts,
    context,
    input,
    isApart,
    record: new TurnRecord(),
    budget: await TurnBudget.open(context, assistant.budget),
    provider: assistantProvider(assistant, parts.env),
    request: messages.findLast(({ role }) => role === "user")?.text ?? "",
    emit: (event: TurnEvent) => {
      if (isLive) parts.hub.emit(context.runId, masked(parts, event));
    },
    hooks: () => openHooks(assistant, { env: parts.env, builtin: { log: parts.logger, redactor: parts.redactorFor } }),
    session: async (step) => (await findSession(scope, step)).id,
  };
  return scope;
}

/** Text and output come masked, piece by piece; all else might quote what a hook says. */
function masked({ redactor }: TurnParts, event: TurnEvent): TurnEvent {
  return event.type === "text" || event.type === "output" ? event : redactor.redactJson(event);
}

/** Does the turn. Gives what it failed of; what was decided elsewhere (a cancelled run, a journal that fits no more) is thrown. */
async function workOn(scope: TurnScope): Promise<GloveboxError | undefined> {
  const { input, context, budget } = scope;
  const messages: readonly ModelMessage[] = [...input.history, ...input.messages];
  try {
    await modeOf(input)(scope, messages);
    return undefined;
  } catch (thrown) {
    const error = budget.explain(thrown);
    if (context.signal.aborted || !isGloveboxError(error) || isGloveboxError(error, "journal_mismatch")) throw thrown;
    return error;
  }
}

function modeOf({ assistant, ask }: TurnRunInput): typeof answerMode {
  if (ask?.tools !== undefined && ask.tools.length > 0) return callersTools;
  const { enabled, mode } = assistant.execution;
  // Without execution there is nothing that a tool could do: the answer says so of the code in it.
  return enabled && mode === "tool" ? toolMode : answerMode;
}

/** The caller has tools of their own: calls are theirs to make, and nothing runs here. */
async function callersTools(scope: TurnScope, messages: readonly ModelMessage[]): Promise<void> {
  const { text, toolCalls } = await ask(scope, messages, scope.input.ask?.tools ?? []);
  scope.record.toolCalls = toolCalls;
  if (text === "" && toolCalls.length === 0) return;
  scope.record.said.push({ role: "assistant", text, ...(toolCalls.length > 0 && { toolCalls }) });
}

/** Ends the turn in the conversation, with what was said. */
async function remember(scope: TurnScope): Promise<void> {
  const { context, input, record, parts, isApart } = scope;
  if (isApart) return;
  const messages = [...input.messages, ...record.said];
  const { conversationId } = input;
  await context.step("remember", { conversationId, messages }, async (given, step) => {
    const turn = { runId: step.runId, messages: given.messages };
    const at = toTimestamp(parts.clock.nowMs());
    return parts.store.conversations.endTurn(context.tenantId, given.conversationId, turn, at);
  });
}

function resultOf({ context, input, record }: TurnScope, error: GloveboxError | undefined): TurnResult {
  const { text, blocks, executions, decisions, usage, toolCalls, finish } = record;
  const body = error === undefined ? undefined : toGloveboxError(error);
  return {
    runId: context.runId,
    conversationId: input.conversationId,
    assistant: input.assistant.name,
    model: input.model,
    status: body === undefined ? "completed" : "error",
    ...(body !== undefined && { error: { code: body.code, message: body.message } }),
    text,
    blocks,
    executions,
    decisions,
    usage,
    ...(toolCalls !== undefined && { toolCalls }),
    ...(finish !== undefined && { finish }),
  };
}
