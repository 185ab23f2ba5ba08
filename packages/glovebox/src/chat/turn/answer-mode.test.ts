import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type ChatStage, openChatStage, says } from "../testing/chat-stage.ts";

describe("a turn in answer mode", { timeout: 90_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  it("runs the code of the answer in the conversation's session, and keeps the state for the next turn", async () => {
    const assistant = at.assistant();
    at.model.reply({ text: says("import math\nn = math.factorial(10)\nprint(n)") });
    const first = await at.ask(assistant, "what is 10 factorial? run it");
    expect(first).toMatchObject({
      status: "completed",
      model: "tiny",
      blocks: [{ index: 0, language: "python", decision: "executed" }],
      executions: [{ block: 0, status: "ok", stdout: "3628800\n", rolledBack: false }],
      usage: { inputTokens: 11, outputTokens: 7 },
    });
    expect(first.blocks[0]?.executionId).toBe(first.executions[0]?.id);
    at.model.reply({ text: says("print(n + 1)") });
    const { conversationId } = first;
    const second = await at.ask(assistant, "and one more? run it", { conversationId });
    expect(second.executions).toMatchObject([{ status: "ok", stdout: "3628801\n" }]);
    const conversation = await at.chat.conversations.get(TENANT, conversationId);
    expect(conversation).toMatchObject({ turns: 2, runs: [first.runId, second.runId] });
    expect(conversation.currentRunId).toBeUndefined();
    expect(conversation.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    expect(conversation.messages[1]?.text).toContain("3628800");
    // The model was told what came before, with the results.
    const asked = at.model.asked.at(-1)?.body.messages as { role: string; content: string }[];
    expect(asked.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(JSON.stringify(asked)).toContain("3628800");
  });
});
