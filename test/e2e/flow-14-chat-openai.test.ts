import OpenAI from "openai";
import { beforeAll, describe, expect, test } from "vitest";
import { answerWith, useChat } from "../support/chat.ts";

const stage = useChat({
  assistants: {
    py: { execution: { enabled: true }, systemPrompt: "You help." },
    tools: { execution: { enabled: true, mode: "tool" } },
    frugal: { budget: { tokens: 5 } },
  },
});

let client: OpenAI;
beforeAll(() => {
  client = new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: stage.http.token });
});
const user = (content: string) => [{ role: "user" as const, content }];

describe("flow 7: the official OpenAI client", () => {
  test("lists assistants as models", async () => {
    const names: string[] = [];
    for await (const { id, object } of client.models.list()) {
      expect(object).toBe("model");
      names.push(id);
    }
    expect(names).toEqual(expect.arrayContaining(["frugal", "py", "tools"]));
    expect(await client.models.retrieve("py")).toMatchObject({ id: "py", owned_by: "glovebox" });
  });

  test("gets a completion with the results of its code, and leaves nothing behind", async () => {
    stage.model.reply({ text: answerWith("import math\nprint(math.factorial(10))") });
    const completion = await client.chat.completions.create({
      model: "py",
      messages: [{ role: "system", content: "Be brief." }, ...user("Compute 10! please, run it.")],
      temperature: 0.5,
      max_tokens: 77,
      seed: 5,
    });
    expect(completion).toMatchObject({
      object: "chat.completion",
      model: "py",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant" } }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
    expect(completion.choices[0]?.message.content).toMatch(/math\.factorial\(10\)[\s\S]*3628800/);
    const asked = stage.model.asked.at(-1)?.body;
    expect(asked).toMatchObject({ model: "tiny", temperature: 0.5, max_tokens: 77 });
    expect(asked.messages[0]).toEqual({ role: "system", content: "You help.\n\nBe brief." });
    expect((await stage.box.conversations.list()).items).toEqual([]);
  });

  test("streams, with usage where it asks for it", async () => {
    stage.model.reply({ text: answerWith("print(6 * 7)") });
    const stream = await client.chat.completions.create({
      model: "py",
      messages: user("Run it."),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    const finish: unknown[] = [];
    let usage: unknown;
    let pieces = 0;
    for await (const chunk of stream) {
      expect(chunk.object).toBe("chat.completion.chunk");
      const [choice] = chunk.choices;
      if (choice?.delta.content) pieces += 1;
      text += choice?.delta.content ?? "";
      if (choice?.finish_reason) finish.push(choice.finish_reason);
      usage = chunk.usage ?? usage;
    }
    expect(text).toMatch(/print\(6 \* 7\)[\s\S]*\*\*python: ok\*\*[\s\S]*42/);
    expect(pieces).toBeGreaterThan(2);
    expect(finish).toEqual(["stop"]);
    expect(usage).toEqual({ prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 });
    await expect.poll(async () => (await stage.box.conversations.list()).items, { timeout: 30_000 }).toEqual([]);
  });

  test("brings its own tools: their calls come back to it, and nothing runs here", async () => {
    const tools: OpenAI.Chat.Completions.ChatCompletionTool[] = [
      {
        type: "function",
        function: {
          name: "weather",
          description: "The weather of a city",
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        },
      },
    ];
    const ran = async () => (await stage.box.executions.list({ limit: 1000 })).items.length;
    const before = await ran();
    for (const model of ["py", "tools"]) {
      stage.model.reply({ text: "I look.", toolCalls: [{ name: "weather", input: { city: "Ulm" } }] });
      const first = await client.chat.completions.create({ model, messages: user("Weather?"), tools });
      const [choice] = first.choices;
      expect(choice).toMatchObject({
        finish_reason: "tool_calls",
        message: { tool_calls: [{ type: "function", function: { name: "weather", arguments: '{"city":"Ulm"}' } }] },
      });
      const offered = stage.model.asked.at(-1)?.body.tools as { function: { name: string } }[];
      expect(offered.map((tool) => tool.function.name)).toEqual(["weather"]);
      stage.model.reply({ text: answerWith("print('sunny')") });
      const call = choice?.message.tool_calls?.[0];
      if (choice === undefined || call === undefined) throw new Error("a call came back");
      const second = await client.chat.completions.create({
        model,
        messages: [...user("Weather?"), choice.message, { role: "tool", tool_call_id: call.id, content: "sun" }],
        tools,
      });
      expect(second.choices[0]).toMatchObject({ finish_reason: "stop", message: { content: expect.any(String) } });
      expect(JSON.stringify(stage.model.asked.at(-1)?.body.messages)).toContain("sun");
    }
    expect(await ran()).toBe(before);
  });

  test("streams the calls of its own tools", async () => {
    stage.model.reply({ toolCalls: [{ name: "weather", input: { city: "Ulm" } }] });
    const runner = client.chat.completions.stream({
      model: "py",
      messages: user("Weather?"),
      tools: [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }],
    });
    const completion = await runner.finalChatCompletion();
    expect(completion.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: { tool_calls: [{ function: { name: "weather", arguments: '{"city":"Ulm"}' } }] },
    });
  });

  test("keeps a conversation where it asks for it, with its sandbox", async () => {
    stage.model.reply({ text: answerWith("kept = 41\nprint(kept)") });
    const first = await client.chat.completions.create({ model: "py", messages: user("Run: set it."), store: true });
    const { conversation_id: id = "" } = (first as { metadata?: Record<string, string> }).metadata ?? {};
    stage.model.reply({ text: answerWith("print(kept + 1)") });
    const answer = { role: "assistant" as const, content: first.choices[0]?.message.content ?? "" };
    const second = await client.chat.completions.create({
      model: "py",
      messages: [...user("Run: set it."), answer, ...user("Run: print it.")],
      metadata: { conversation_id: id },
    });
    expect(second.choices[0]?.message.content).toContain("42");
    expect(await stage.box.conversations.get(id)).toMatchObject({ turns: 2 });
    await stage.box.conversations.delete(id);
  });

  test("that goes away takes its turn with it: nobody could get the answer", async () => {
    stage.model.reply({ text: answerWith("import time\nprint('begun', flush=True)\ntime.sleep(600)") });
    const stream = await client.chat.completions.create({ model: "py", messages: user("Run it."), stream: true });
    let id = "";
    for await (const chunk of stream) {
      id = chunk.id.replace("chatcmpl-", "");
      if (chunk.choices[0]?.delta.content?.includes("Run")) break;
    }
    stream.controller.abort();
    const status = async () => (await stage.box.runs.get(id)).status;
    await expect.poll(status, { timeout: 30_000 }).toBe("cancelled");
    await expect.poll(async () => (await stage.box.conversations.list()).items, { timeout: 30_000 }).toEqual([]);
  });

  test("understands every error", async () => {
    const failure = (work: PromiseLike<unknown>) =>
      Promise.resolve(work).then(
        () => expect.unreachable("it fails"),
        (error: InstanceType<typeof OpenAI.APIError>) => error,
      );
    const ask = (more: object = {}) =>
      client.chat.completions.create({ model: "py", messages: user("Hello"), ...more } as never);
    const unknown = await failure(ask({ model: "gpt-none" }));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown).toMatchObject({ status: 404, code: "model_not_found", type: "invalid_request_error" });
    const stranger = new OpenAI({ baseURL: `${stage.server.url}/v1`, apiKey: "sk-wrong", maxRetries: 0 });
    const denied = await failure(stranger.models.list());
    expect(denied).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(denied).toMatchObject({ code: "invalid_api_key" });
    const wrong = await failure(ask({ messages: [{ role: "nobody", content: "x" }] }));
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(wrong.param).toMatch(/^messages/);
    expect(await failure(ask({ n: 2 }))).toMatchObject({ status: 400, param: "n" });
    const orphan = { role: "tool", tool_call_id: "none", content: "x" };
    expect(await failure(ask({ messages: [orphan] }))).toMatchObject({ status: 400 });
  });

  test("is told once that the model went away: before and in the middle of an answer", async () => {
    const before = stage.model.asked.length;
    stage.model.reply({ fault: { kind: "status", status: 401 } });
    await expect(client.chat.completions.create({ model: "py", messages: user("Hello") })).rejects.toBeInstanceOf(
      OpenAI.APIError,
    );
    expect(stage.model.asked).toHaveLength(before + 1);
    stage.model.reply({ text: "Some words that break off", fault: { kind: "die", after: 3 } });
    const stream = await client.chat.completions.create({ model: "py", messages: user("Hello"), stream: true });
    let text = "";
    const reading = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    };
    await expect(reading()).rejects.toMatchObject({ code: "model_unavailable" });
    expect(text).toMatch(/^Some words/);
    stage.model.reply({ text: "Many words." });
    await expect(client.chat.completions.create({ model: "frugal", messages: user("Hello") })).rejects.toMatchObject({
      status: 429,
      type: "insufficient_quota",
    });
  });
});
