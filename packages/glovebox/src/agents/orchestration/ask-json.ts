import { type ZodType, z } from "zod";
import { isGloveboxError } from "../../core/index.ts";
import { askModel } from "../../runs/index.ts";
import type { AgentHost } from "../agent.ts";

const MAX_TOKENS = 4_000;
const MAX_PROMPT = 60_000;

/** A model that does not answer is no reason to do nothing. */
const SILENT: ReadonlySet<string> = new Set(["model_unavailable", "timeout", "rate_limited"]);

/** What a model said, or why it counts for nothing. */
export type Said<T> = { readonly value: T } | { readonly problem: string };

/**
 * Asks the host's model for JSON that fits a schema, as a step `ask`. What it says is only a proposal: whoever asks judges it. `undefined` where there is no model.
 */
export async function askJson<T>(
  { run, model }: AgentHost,
  schema: ZodType<T>,
  { system, prompt }: { readonly system: string; readonly prompt: string },
): Promise<Said<T> | undefined> {
  if (model === undefined) return undefined;
  const output = z.toJSONSchema(schema) as Readonly<Record<string, unknown>>;
  const asking = askModel(run, "ask", model.provider, {
    model: model.model,
    system: `${system}\nAnswer with JSON alone, by this schema: ${JSON.stringify(output)}`,
    messages: [{ role: "user", text: prompt.slice(0, MAX_PROMPT) }],
    temperature: 0,
    seed: model.seed,
    maxTokens: MAX_TOKENS,
    output,
  });
  const answer = await asking.catch((error: unknown) => {
    if (isGloveboxError(error) && SILENT.has(error.code)) return { problem: error.message };
    throw error;
  });
  if ("problem" in answer) return answer;
  const json = jsonOf(answer.text);
  if (json === undefined) return { problem: "the model's answer is no JSON" };
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `the model's answer does not fit: ${issue?.path.join(".")}: ${issue?.message}` };
}

/** The whole text, or what is between its first and its last brace. */
function jsonOf(text: string): unknown {
  for (const candidate of [text, text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)]) {
    try {
      return JSON.parse(candidate) as unknown;
    } catch {
      // Perhaps the other one.
    }
  }
  return undefined;
}
