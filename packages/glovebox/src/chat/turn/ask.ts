import { isGloveboxError, type ModelMessage } from "../../core/index.ts";
import type { RetryPolicy } from "../../engine/index.ts";
import type { ModelAnswer, ModelProvider, ModelRequest, ModelTool } from "../../models/index.ts";
import { askModel } from "../../runs/index.ts";
import { askPerson } from "../approvals/ask-person.ts";
import type { HookPoint, HookSubjects } from "../hooks/hook.ts";
import { askHooks, deniedByHook } from "./ask-hooks.ts";
import { refusedByPerson } from "./refused.ts";
import { TextTeller } from "./text-teller.ts";
import type { TurnScope } from "./turn-scope.ts";

/** Whoever was silent for all of the idle time is not waited for twice more: people wait for the turn. */
const RETRY: RetryPolicy = { when: ({ code, details }) => code !== "timeout" && details?.retryable === true };

/** Asks the model, with the hooks before and after. What it said is in the turn's record, also of an answer that broke off. */
export async function ask(
  scope: TurnScope,
  messages: readonly ModelMessage[],
  tools: readonly ModelTool[],
): Promise<ModelAnswer> {
  const { record, budget, context } = scope;
  budget.checkBefore(record.usage);
  const asked = await passed(scope, "pre_llm", { messages });
  const teller = new TextTeller(scope);
  const provider: ModelProvider = {
    name: scope.provider.name,
    models: (signal) => scope.provider.models(signal),
    ask: async (request, options) => {
      await teller.prepare();
      return scope.provider.ask(request, options);
    },
  };
  let kept = "";
  try {
    const answer = await askModel(context, "ask", provider, requestOf(scope, asked.messages, tools), {
      ...(await budget.time()),
      retry: RETRY,
      onText: (text, attempt) => teller.tell(text, attempt),
    });
    record.addUsage(answer.usage);
    record.finish = answer.finish;
    kept = (await passed(scope, "post_llm", { text: answer.text })).text;
    teller.end(kept);
    record.text = kept;
    budget.checkAfter(record.usage);
    return { ...answer, text: kept };
  } catch (error) {
    const text = kept === "" ? await partialOf(scope, error) : kept;
    if (text !== "") {
      record.text = text;
      record.said.push({ role: "assistant", text });
    }
    throw error;
  }
}

/** Of an answer that broke off: what had come, if the hooks let it through. */
async function partialOf(scope: TurnScope, error: unknown): Promise<string> {
  const partial = isGloveboxError(error) ? error.details?.partial : undefined;
  if (typeof partial !== "string" || partial === "" || scope.context.signal.aborted) return "";
  return (await passed(scope, "post_llm", { text: partial })).text;
}

function requestOf(
  { input, record, budget }: TurnScope,
  messages: readonly ModelMessage[],
  tools: readonly ModelTool[],
): ModelRequest {
  const { systemPrompt, model } = input.assistant;
  const {
    instructions = "",
    temperature = model.temperature,
    toolChoice,
    maxTokens = model.maxTokens,
  } = input.ask ?? {};
  const system = [systemPrompt, instructions].filter((part) => part !== "").join("\n\n");
  const most = [maxTokens, budget.tokensLeft(record.usage)].filter((one) => one !== undefined);
  return {
    model: input.model,
    ...(system !== "" && { system }),
    messages,
    ...(tools.length > 0 && { tools }),
    ...(input.ask?.tools !== undefined && toolChoice !== undefined && { toolChoice }),
    temperature,
    ...(most.length > 0 && { maxTokens: Math.min(...most) }),
  };
}

/** What hooks and people let through, or `policy_denied`. */
async function passed<P extends HookPoint>(
  scope: TurnScope,
  point: P,
  subject: HookSubjects[P],
): Promise<HookSubjects[P]> {
  const result = await askHooks(scope, point, subject);
  if (result.outcome === "block") throw deniedByHook(result);
  if (result.prompts.length > 0) {
    const answer = await askPerson(scope, { prompt: result.prompts.join("\n") });
    if (answer.status !== "approved") throw refusedByPerson(answer);
  }
  return result.value;
}
