import type { z } from "zod";
import type { Assistant } from "../../../chat/index.ts";
import type { assistantOperations } from "../../operations/chat.ts";
import type { AssistantView } from "../../operations/chat-fields.ts";
import type { HandlersOf } from "../call.ts";
import { type HandlerContext, partOf } from "../options.ts";

export function assistantHandlers(context: HandlerContext): HandlersOf<typeof assistantOperations> {
  return {
    "assistants.list": async () => ({ items: partOf(context, "chat").assistants.list().map(viewOf) }),
    "assistants.get": async ({ params }) => viewOf(partOf(context, "chat").assistants.get(params.name)),
    "assistants.reload": async () => ({ items: (await partOf(context, "chat").assistants.reload()).map(viewOf) }),
  };
}

/** Field by field: what is added to an assistant is not told to clients until somebody decides so. */
function viewOf(assistant: Assistant): z.output<typeof AssistantView> {
  const { name, description, model, systemPrompt, execution, hooks, budget, approvalTimeoutMs } = assistant;
  const { provider, name: modelName, temperature, maxTokens, allow } = model;
  return {
    name,
    ...(description !== undefined && { description }),
    model: { provider, name: modelName, temperature, ...(maxTokens !== undefined && { maxTokens }), allow },
    systemPrompt,
    execution,
    hooks: hooks.map((hook) =>
      "builtin" in hook ? { kind: "builtin", name: hook.builtin } : { kind: "module" in hook ? "module" : "http" },
    ),
    budget,
    approvalTimeoutMs,
  };
}
