import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reply } from "../../models/testing/model-server.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type AssistantDraft, type ChatStage, openChatStage } from "../testing/chat-stage.ts";

const TOOLS = { enabled: true, mode: "tool" } as const;
const call = (name: string, input: unknown) => ({ name, input });
const execute = (code: string) => call("execute_code", { language: "python", code });

describe("a turn in tool mode", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  /** The model answers by these, one after the other, and then by the last again and again. */
  const script = (...replies: readonly Reply[]) => {
    let next = 0;
    at.model.reply(() => {
      const reply = replies[Math.min(next, replies.length - 1)] ?? {};
      next += 1;
      return reply;
    });
  };
  const tools = (draft: AssistantDraft = {}) => at.assistant({ execution: TOOLS, ...draft });
  /** What the model was told by tools in its last question. */
  const told = () =>
    ((at.model.asked.at(-1)?.body.messages ?? []) as { role: string; content: string }[])
      .filter(({ role }) => role === "tool")
      .map(({ content }) => content);

  it("lets the model write a file, run it, see the error, mend it and succeed", async () => {
    script(
      { toolCalls: [call("write_file", { path: "src/sum.py", content: "print(sum(range(n)))" })] },
      { toolCalls: [execute("exec(open('src/sum.py').read())"), call("list_files", { path: "src" })] },
      { toolCalls: [call("read_file", { path: "src/sum.py" })] },
      { toolCalls: [call("write_file", { path: "src/sum.py", content: "print(sum(range(10)))" })] },
      { toolCalls: [execute("import runpy; runpy.run_path('src/sum.py')")] },
      { text: "The sum is 45." },
    );
    // Without it a person would be asked.
    const assistant = tools({ execution: { ...TOOLS, rules: { "python.eval": "off" } } });
    const result = await at.ask(assistant, "sum the numbers below 10");
    expect(result).toMatchObject({
      status: "completed",
      text: "The sum is 45.",
      executions: [{ status: "error" }, { status: "ok", stdout: "45\n" }],
    });
    expect(result.blocks).toMatchObject([{ decision: "executed", confidence: 1 }, { decision: "executed" }]);
    const answers = told();
    expect(answers).toHaveLength(6);
    expect(answers[1]).toMatch(/status: error.*NameError/s);
    expect(answers[2]).toContain("sum.py");
    expect(answers[3]).toBe("print(sum(range(n)))");
    expect(answers[5]).toContain("45");
    const { messages } = await at.chat.conversations.get(TENANT, result.conversationId);
    expect(messages.filter(({ role }) => role === "tool")).toHaveLength(6);
    expect(await at.engine.replay(TENANT, result.runId)).toMatchObject({ identical: true });
  });

  it("answers wrong arguments, unknown names and what fails as errors to the model", async () => {
    script(
      {
        toolCalls: [
          call("execute_code", { language: "cobol", code: "x" }),
          call("execute_code", { language: "python", code: "1", extra: true }),
          call("format_disk", {}),
          call("read_file", { path: "../../etc/passwd" }),
          call("rollback", { snapshot: "no-such" }),
          execute("import os; os.system('rm -rf /home')"),
        ],
      },
      { text: "done" },
    );
    const result = await at.ask(tools({ execution: { ...TOOLS, rules: { "python.os-command": "block" } } }), "try it");
    expect(result.status).toBe("completed");
    const [language, extra, unknown, outside, rollback, blocked] = told();
    expect(language).toContain("language");
    expect(extra).toContain("extra");
    expect(unknown).toMatch(/no tool 'format_disk'; there are execute_code/);
    expect(outside).toContain("invalid_path");
    expect(rollback).toContain("not_found");
    expect(blocked).toContain("not run: rule ");
    expect(result.blocks).toMatchObject([{ decision: "blocked" }]);
    expect(result.executions).toEqual([]);
  });

  it("keeps the workspace, and puts it back", async () => {
    let id = "";
    let round = 0;
    at.model.reply(({ body }): Reply => {
      round += 1;
      const last = String(body.messages.at(-1).content);
      if (round === 1)
        return { toolCalls: [call("write_file", { path: "a", content: "first" }), call("snapshot", {})] };
      if (round === 2) {
        id = last.replace("snapshot ", "");
        return {
          toolCalls: [call("write_file", { path: "a", content: "second" }), call("rollback", { snapshot: id })],
        };
      }
      return round === 3 ? { toolCalls: [call("read_file", { path: "a" })] } : { text: last };
    });
    expect(await at.ask(tools(), "go")).toMatchObject({ text: "first" });
  });

  it("stops a model that never ends, and keeps what was done", async () => {
    script({ text: "again", toolCalls: [call("list_files", {})] });
    const result = await at.ask(tools(), "loop");
    expect(result).toMatchObject({ status: "error", error: { code: "budget_exceeded" }, text: "again" });
    expect(result.error?.message).toContain("toolCalls 51 of 50");
  });

  it("stops at a budget of two tool calls, with every call answered", async () => {
    script({ toolCalls: [execute("print(1)"), execute("print(2)"), execute("print(3)")] });
    const result = await at.ask(tools({ budget: { toolCalls: 2 } }), "go");
    expect(result).toMatchObject({ status: "error", error: { code: "budget_exceeded" } });
    expect(result.executions.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n"]);
    const { messages } = await at.chat.conversations.get(TENANT, result.conversationId);
    expect(messages.filter(({ role }) => role === "tool").at(-1)).toMatchObject({ isError: true, text: /not done/ });
  });

  it("tells the model when it leaves something out", async () => {
    script({ toolCalls: [execute("print('x' * 40_000)")] }, { text: "long" });
    await at.ask(tools(), "go");
    const [text = ""] = told();
    expect(Buffer.byteLength(text)).toBeLessThan(17_000);
    expect(text).toMatch(/bytes left out/);
  });

  it("offers a caller's own tools instead, and leaves the calls to them", async () => {
    script({ text: "look it up:\n\n```python\nprint(1)\n```\n", toolCalls: [call("weather", { city: "Bern" })] });
    const weather = { name: "weather", description: "of a city", inputSchema: { type: "object", properties: {} } };
    const ask = {
      tools: [weather],
      instructions: "Be brief.",
      temperature: 1,
      maxTokens: 77,
      toolChoice: "required",
    } as const;
    const result = await at.ask(tools({ systemPrompt: "You help." }), "weather?", { ask });
    expect(result).toMatchObject({
      finish: "tools",
      toolCalls: [{ name: "weather", input: { city: "Bern" } }],
      blocks: [],
      executions: [],
    });
    const { body } = at.model.asked.at(-1) ?? {};
    expect(body.tools).toMatchObject([{ function: { name: "weather" } }]);
    expect(body).toMatchObject({ temperature: 1, max_tokens: 77, tool_choice: "required" });
    expect(body.messages[0]).toMatchObject({ role: "system", content: "You help.\n\nBe brief." });
  });

  it("offers no tools where execution is off", async () => {
    script({ text: "```python\nprint(1)\n```" });
    const result = await at.ask(tools({ execution: { mode: "tool" } }), "run it");
    expect(result.blocks).toMatchObject([{ decision: "disabled" }]);
    expect(at.model.asked.at(-1)?.body.tools).toBeUndefined();
  });
});
