import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type AssistantDraft, type ChatStage, openChatStage, says } from "../testing/chat-stage.ts";

describe("a turn in answer mode", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());
  const executing = (execution: AssistantDraft["execution"] = {}) =>
    at.assistant({ execution: { enabled: true, ...execution } });
  const blocksOf = async (assistant: string, text: string, question = "run it") => {
    at.model.reply({ text });
    return (await at.ask(assistant, question)).blocks;
  };

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
    // The model was told what came before, with the results.
    const asked = at.model.asked.at(-1)?.body.messages as { role: string; content: string }[];
    expect(asked.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(asked[1]?.content).toContain("3628800");
  });

  it("tells the values of last expressions, and exceptions", async () => {
    at.model.reply({ text: `${says("6 * 7")}\n${says("1 / 0")}` });
    const { executions } = await at.ask(executing(), "run both");
    expect(executions).toMatchObject([{ value: "42" }, { block: 1, status: "error", stderr: /ZeroDivisionError/ }]);
  });

  it("runs nothing with execution off, and says so", async () => {
    expect(await blocksOf(at.assistant({ execution: {} }), says("print(1)"))).toMatchObject([
      { decision: "disabled", reason: /execution is off/ },
    ]);
  });

  it("runs, asks or shows by the thresholds", async () => {
    const [sure] = await blocksOf(executing(), says("print(1)"));
    expect(sure).toMatchObject({ decision: "executed" });
    const confidence = sure?.confidence ?? 0;
    const above = Math.min(1, confidence + 0.001);
    // Nobody is there to be asked.
    const asking = at.assistant({ execution: { enabled: true, autoExecuteThreshold: above }, approvalTimeoutMs: 100 });
    expect(await blocksOf(asking, says("print(1)"))).toMatchObject([
      { decision: "refused", reason: /expired/, approvalId: expect.any(String) },
    ]);
    const early = executing({ autoExecuteThreshold: 0.1, askThreshold: 1 });
    expect(await blocksOf(early, says("print(1)"))).toMatchObject([{ decision: "executed" }]);
    const showing = executing({ autoExecuteThreshold: above, askThreshold: above });
    expect(await blocksOf(showing, says("print(1)"))).toMatchObject([{ decision: "shown", reason: /confidence/ }]);
    expect(await blocksOf(executing(), says("print(1)", "haskell"))).toMatchObject([
      { language: null, decision: "shown" },
    ]);
  });

  it("runs a block of one line when asked for", async () => {
    const blocks = await blocksOf(executing(), "Run this:\n\n```python\nprint(6 * 7)\n```\n", "run it");
    expect(blocks).toMatchObject([{ decision: "executed" }]);
  });

  it("blocks by rules, and says which; the same words in a string are nothing", async () => {
    const blocks = await blocksOf(
      executing(),
      `${says("rm -rf /home", "bash")}\n${says("x = 'rm -rf /home'\nprint(x)")}`,
    );
    expect(blocks).toMatchObject([
      { decision: "blocked", rule: "bash.delete-root", reason: /bash\.delete-root/ },
      { decision: "executed" },
    ]);
    const changed = executing({ rules: { "python.eval": "block", "python.os-command": "off" } });
    expect(await blocksOf(changed, says("print(eval('1'))"))).toMatchObject([{ rule: "python.eval" }]);
    const code = "import os\nos.system('echo 1')\nprint(1)";
    expect(await blocksOf(changed, says(code))).toMatchObject([{ decision: "executed", notes: [] }]);
    const warned = executing({ rules: { "python.os-command": "warn" } });
    expect(await blocksOf(warned, says(code))).toMatchObject([{ notes: [{ code: "python.os-command" }] }]);
  });

  it("holds code to the assistant's languages and length", async () => {
    const only = executing({ allowedLanguages: ["bash"] });
    expect(await blocksOf(only, says("print(1)"))).toMatchObject([{ decision: "blocked", rule: "common.language" }]);
    const short = executing({ maxCodeLength: 10 });
    expect(await blocksOf(short, says("print(12345)"))).toMatchObject([{ decision: "blocked", rule: "common.length" }]);
  });

  it("ends an execution that takes too long, and goes on with the next block", async () => {
    at.model.reply({ text: `${says("import time\ntime.sleep(15)")}\n${says("print(2)")}` });
    const { executions } = await at.ask(executing({ timeoutMs: 3_000 }), "run both");
    expect(executions).toMatchObject([{ status: "timeout" }, { status: "ok", stdout: "2\n" }]);
  });

  it("works in a session of the assistant's template, and says of a language that is not there", async () => {
    const blocks = await blocksOf(executing({ template: "bash" }), `${says("echo 1", "bash")}\n${says("print(1)")}`);
    expect(blocks).toMatchObject([{ decision: "executed" }, { decision: "blocked", reason: /could not be run/ }]);
    const [session] = (await at.stage.services.sessions.list(TENANT, { limit: 1 })).items;
    expect(session?.languages).toEqual(["bash"]);
  });

  it("asks the model as configured", async () => {
    at.env.TEST_MODEL_KEY = "secret-of-the-test";
    const assistant = at.assistant({
      systemPrompt: "You are brief.",
      model: {
        provider: "openai",
        name: "tiny",
        baseUrl: `${at.model.url}/v1`,
        apiKeyEnv: "TEST_MODEL_KEY",
        temperature: 0.5,
        maxTokens: 123,
        allow: ["big"],
        price: { input: 10_000, output: 0 },
      },
    });
    at.model.reply({ text: "hello" });
    expect(await at.ask(assistant, "hi")).toMatchObject({ usage: { dollars: 0.11 }, finish: "stop" });
    const asked = at.model.asked.at(-1);
    expect(asked?.headers.authorization).toBe("Bearer secret-of-the-test");
    expect(asked?.body).toMatchObject({
      model: "tiny",
      temperature: 0.5,
      max_tokens: 123,
      messages: [{ role: "system", content: "You are brief." }, { role: "user" }],
    });
    expect(await at.ask(assistant, "hi", { model: "big" })).toMatchObject({ model: "big" });
    expect(at.model.asked.at(-1)?.body.model).toBe("big");
    await expect(at.ask(assistant, "hi", { model: "huge" })).rejects.toMatchObject({ code: "invalid_argument" });
    delete at.env.TEST_MODEL_KEY;
    expect(await at.ask(assistant, "hi")).toMatchObject({ status: "error", error: { code: "permission_denied" } });
    const strange = executing({ rules: { "python.nothing": "block" } });
    await expect(at.ask(strange, "hi")).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("speaks the protocols of other providers", async () => {
    at.model.reply({ text: "hello" });
    for (const [provider, path] of [
      ["ollama", "/api/chat"],
      ["anthropic", "/v1/messages"],
      ["openrouter", "/v1/chat/completions"],
    ] as const) {
      const baseUrl = provider === "ollama" ? at.model.url : `${at.model.url}/v1`;
      const assistant = at.assistant({ model: { provider, name: "tiny", baseUrl } });
      expect(await at.ask(assistant, "hi")).toMatchObject({ status: "completed", text: "hello" });
      expect(at.model.asked.at(-1)?.path).toBe(path);
    }
    const scripted = at.assistant({
      model: { provider: "scripted", name: "s", script: { answers: [{ text: "scripted" }] } },
    });
    expect(await at.ask(scripted, "hi")).toMatchObject({ text: "scripted" });
  });
});
