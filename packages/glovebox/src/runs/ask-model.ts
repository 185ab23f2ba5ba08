import { createHash } from "node:crypto";
import { canonicalJson } from "../core/index.ts";
import type { ProgramContext, StepOptions } from "../engine/index.ts";
import type { ModelAnswer, ModelProvider, ModelRequest } from "../models/index.ts";

export interface AskModelOptions extends Pick<StepOptions<ModelAnswer>, "retry" | "timeoutMs" | "budget"> {
  /** Is told of the text as it comes. `attempt` counts from 1: when it grows, the text begins anew. Never called in a replay, nor for what was answered before a crash. */
  readonly onText?: (text: string, attempt: number) => void;
}

/**
 * A question to a model, as a step of that name: what it answered is in the journal, so a run that is resumed or replayed asks nobody. Secrets are masked before the
 * model sees the question. Tokens and dollars count towards the run's budget. The step's input is the request with its provider's name: a fork may change its `model`.
 */
export async function askModel(
  context: ProgramContext,
  name: string,
  provider: ModelProvider,
  request: ModelRequest,
  { onText, ...options }: AskModelOptions = {},
): Promise<ModelAnswer> {
  const asking = { ...request, provider: provider.name };
  return context.step(
    name,
    asking,
    async ({ provider: by, ...given }, step) => {
      const promptHash = createHash("sha256").update(canonicalJson(given)).digest("hex");
      step.record("llm.called", { provider: by, model: given.model, promptHash });
      const answer = await provider.ask(given, {
        signal: step.signal,
        ...(onText === undefined ? {} : { onText: (text: string) => onText(text, step.attempt) }),
      });
      const { model, finish, usage } = answer;
      step.record("llm.answered", { provider: by, model, finish, usage });
      const { inputTokens, outputTokens, dollars = 0 } = usage;
      step.spend({ tokens: inputTokens + outputTokens, dollars });
      return answer;
    },
    options,
  );
}
