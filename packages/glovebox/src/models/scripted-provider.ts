import { setTimeout as delay } from "node:timers/promises";
import { GloveboxError } from "../core/index.ts";
import type { AskOptions, ModelAnswer, ModelInfo, ModelMessage, ModelProvider, ModelRequest } from "./model.ts";
import type { ModelScript } from "./provider-settings.ts";
import { toModelError } from "./to-error.ts";

/** Characters of the pieces in which a text comes. */
const PIECE = 24;
/** What one token stands for here, characters: only so that budgets have something to count. */
const CHARS_PER_TOKEN = 4;

type ScriptedAnswer = ModelScript["answers"][number];

/** Answers by a script: the first answer that fits the question. The same question gets the same answer, always. */
export class ScriptedProvider implements ModelProvider {
  readonly name = "scripted";
  readonly #script: ModelScript;

  constructor(script: ModelScript) {
    this.#script = script;
  }

  async ask(request: ModelRequest, { signal, onText }: AskOptions = {}): Promise<ModelAnswer> {
    const answer = this.#find(request.messages);
    let came = "";
    try {
      if (answer.delayMs > 0) await delay(answer.delayMs, undefined, signal === undefined ? {} : { signal });
      for (let at = 0; at < answer.text.length; at += PIECE) {
        signal?.throwIfAborted();
        const piece = answer.text.slice(at, at + PIECE);
        came += piece;
        onText?.(piece);
      }
      return answered(request, answer);
    } catch (error) {
      throw toModelError(error, { provider: this.name, signal, partial: came });
    }
  }

  async models(): Promise<readonly ModelInfo[]> {
    return [{ name: "script" }];
  }

  #find(messages: readonly ModelMessage[]): ScriptedAnswer {
    const last = messages.at(-1)?.text ?? "";
    const turns = messages.filter(({ role }) => role === "assistant").length;
    const fits = ({ contains, turn }: ScriptedAnswer) =>
      (contains === undefined || last.includes(contains)) && (turn === undefined || turn === turns);
    const answer = this.#script.answers.find(fits);
    if (answer !== undefined) return answer;
    throw new GloveboxError("model_unavailable", "the script has no answer to that", { details: { retryable: false } });
  }
}

function answered(request: ModelRequest, { text, toolCalls }: ScriptedAnswer): ModelAnswer {
  const asked = JSON.stringify(request.messages).length + (request.system?.length ?? 0);
  const offered = new Set((request.tools ?? []).map(({ name }) => name));
  const calls = offered.size === 0 ? [] : toolCalls;
  const turn = request.messages.length;
  return {
    text,
    toolCalls: calls.map(({ name, input }, index) => ({ id: `call-${turn}-${index}`, name, input })),
    ...(request.output === undefined ? {} : { object: JSON.parse(text) as unknown }),
    usage: {
      inputTokens: Math.ceil(asked / CHARS_PER_TOKEN),
      outputTokens: Math.ceil((text.length + JSON.stringify(calls).length) / CHARS_PER_TOKEN),
    },
    finish: calls.length > 0 ? "tools" : "stop",
    model: request.model,
  };
}
