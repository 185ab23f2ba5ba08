import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GloveboxError } from "../core/index.ts";
import type { ModelProvider, ModelRequest } from "./model.ts";
import { openProvider } from "./open-provider.ts";
import { type ProviderInput, ProviderSettings } from "./provider-settings.ts";
import { type ModelServer, startModelServer } from "./testing/model-server.ts";

const REMOTE = {
  ollama: { kind: "ollama", path: "" },
  openai: { kind: "openai", path: "/v1" },
  openrouter: { kind: "openrouter", path: "/v1" },
  anthropic: { kind: "anthropic", path: "/v1" },
} as const;

const TOOL = {
  name: "add",
  description: "adds",
  inputSchema: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
} as const;

const QUESTION: ModelRequest = { model: "tiny", messages: [{ role: "user", text: "hello" }] };

describe.each(Object.keys(REMOTE) as (keyof typeof REMOTE)[])("the provider %s", { timeout: 30_000 }, (name) => {
  let server: ModelServer;
  let provider: ModelProvider;
  const open = (more: Partial<ProviderInput> = {}) => {
    const { kind, path } = REMOTE[name];
    const base = { kind, baseUrl: server.url + path, apiKey: "key-of-the-test", idleTimeoutMs: 700 };
    return openProvider(ProviderSettings.parse({ ...base, ...more }));
  };
  const failure = async (request: ModelRequest = QUESTION, signal?: AbortSignal): Promise<GloveboxError> => {
    const asking = provider.ask(request, signal === undefined ? {} : { signal });
    return asking.then(
      () => expect.unreachable("it answered"),
      (error: GloveboxError) => error,
    );
  };
  beforeAll(async () => {
    server = await startModelServer();
    provider = open();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("answers, piece by piece, with what was used", async () => {
    server.reply({ text: "The answer is forty-two, as ever.\nGrüße 🙂" });
    const said: string[] = [];
    const answer = await provider.ask(QUESTION, { onText: (text) => said.push(text) });
    expect(answer).toMatchObject({
      text: "The answer is forty-two, as ever.\nGrüße 🙂",
      toolCalls: [],
      finish: "stop",
    });
    expect(answer.usage).toEqual({ inputTokens: 11, outputTokens: 7 });
    expect(said.join("")).toBe(answer.text);
    expect(said.length).toBeGreaterThan(1);
  });

  it("says what was asked: model, key, system, history, temperature, length", async () => {
    server.reply({ text: "ok" });
    await provider.ask({
      model: "big",
      system: "be brief",
      messages: [
        { role: "user", text: "one" },
        { role: "assistant", text: "two", toolCalls: [{ id: "c1", name: "add", input: { a: 1 } }] },
        { role: "tool", callId: "c1", name: "add", text: "three" },
        { role: "user", text: "four" },
      ],
      tools: [TOOL],
      temperature: 0.5,
      maxTokens: 99,
    });
    const asked = server.asked.at(-1);
    if (asked === undefined) throw new Error("nothing was asked");
    const { body, headers } = asked;
    const sent = JSON.stringify(body);
    expect(body.model).toBe("big");
    for (const part of ["be brief", "one", "two", "three", "four", "0.5", "99", "adds"]) expect(sent).toContain(part);
    expect(headers.authorization ?? headers["x-api-key"]).toMatch(/^(Bearer )?key-of-the-test$/);
  });

  it("calls tools with their inputs", async () => {
    server.reply({ text: "", toolCalls: [{ name: "add", input: { a: 40, b: ["x", null] } }] });
    const { toolCalls, finish } = await provider.ask({ ...QUESTION, tools: [TOOL] });
    expect(toolCalls).toMatchObject([{ name: "add", input: { a: 40, b: ["x", null] } }]);
    expect(finish).toBe("tools");
  });

  it("gives an object where one is asked for, and says so when it is none", async () => {
    const output = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
    if (name === "anthropic") {
      // Its library asks for an object by a tool of its own.
      server.reply(({ body }) => ({ toolCalls: [{ name: body.tools?.[0]?.name ?? "json", input: { n: 1 } }] }));
    } else server.reply({ text: '{"n": 1}' });
    expect((await provider.ask({ ...QUESTION, output })).object).toEqual({ n: 1 });
    server.reply({ text: "certainly! n is 1" });
    expect(await failure({ ...QUESTION, output })).toMatchObject({ code: "model_unavailable" });
  });

  it("counts dollars by the configured prices", async () => {
    server.reply({ text: "ok" });
    const priced = open({ prices: { tiny: { input: 1_000, output: 10_000 } } });
    expect((await priced.ask(QUESTION)).usage.dollars).toBeCloseTo(0.011 + 0.07);
  });

  it("says what the server refused", async () => {
    const codes = {
      400: "invalid_argument",
      401: "permission_denied",
      404: "invalid_argument",
      500: "model_unavailable",
    };
    for (const [status, code] of Object.entries(codes)) {
      server.reply({ fault: { kind: "status", status: Number(status) } });
      const error = await failure();
      expect({ status, code: error.code }).toEqual({ status, code });
      expect(JSON.stringify(error.toBody())).not.toContain("key-of-the-test");
    }
    server.reply({ fault: { kind: "status", status: 429, headers: { "retry-after": "7" } } });
    expect(await failure()).toMatchObject({ code: "rate_limited", details: { retryable: true } });
  });

  it("is told of a server that hangs, before and in the middle of its answer", async () => {
    server.reply({ fault: { kind: "hang", after: 0 } });
    expect(await failure()).toMatchObject({ code: "timeout", details: { retryable: true } });
    server.reply({ text: "this much and then nothing any more", fault: { kind: "hang", after: 3 } });
    const { code, details } = await failure();
    expect({ code, partial: String(details?.partial).slice(0, 9) }).toEqual({ code: "timeout", partial: "this much" });
  });

  it("keeps what had come from a server that dies, and fails", async () => {
    server.reply({ text: "this much and then nothing any more", fault: { kind: "die", after: 3 } });
    const { code, details } = await failure();
    expect({ code, partial: String(details?.partial).slice(0, 9) }).toEqual({
      code: "model_unavailable",
      partial: "this much",
    });
  });

  it("takes neither garbage nor a flood for an answer", async () => {
    server.reply({ fault: { kind: "garbage" } });
    expect(await failure()).toMatchObject({ code: "model_unavailable" });
    server.reply({ fault: { kind: "flood" } });
    expect(await failure()).toMatchObject({ code: "model_unavailable" });
  });

  it("stops when nobody waits any more", async () => {
    server.reply({ text: "word ".repeat(1_000), pauseMs: 5 });
    const stop = new AbortController();
    const said: string[] = [];
    const asking = provider.ask(QUESTION, {
      signal: stop.signal,
      onText: (text) => {
        said.push(text);
        stop.abort();
      },
    });
    await expect(asking).rejects.toMatchObject({ code: "cancelled" });
    expect(said.length).toBeLessThan(100);
  });

  it("tells which models there are", async () => {
    expect((await provider.models()).map(({ name }) => name)).toEqual(
      name === "ollama" ? ["big:7b", "tiny:1b"] : ["big", "tiny"],
    );
  });
});

describe("a server that is not there", () => {
  it("is an error at once, not a wait", async () => {
    await using server = await startModelServer();
    const settings = ProviderSettings.parse({ kind: "openai", baseUrl: `${server.url}/v1` });
    await server[Symbol.asyncDispose]();
    const provider = openProvider(settings);
    await expect(provider.ask(QUESTION)).rejects.toMatchObject({ code: "model_unavailable" });
    await expect(provider.models()).rejects.toMatchObject({ code: "model_unavailable" });
  });
});

describe("a scripted model", () => {
  const provider = openProvider(
    ProviderSettings.parse({
      kind: "scripted",
      script: {
        answers: [
          { contains: "tool", turn: 0, toolCalls: [{ name: "add", input: { a: 1 } }] },
          { contains: "hello", text: "hello yourself, whoever you are" },
          { turn: 1, text: "the second" },
        ],
      },
    }),
  );

  it("gives the first answer that fits, the same each time", async () => {
    const said: string[] = [];
    const first = await provider.ask(QUESTION, { onText: (text) => said.push(text) });
    expect(first).toEqual(await provider.ask(QUESTION));
    expect(said.join("")).toBe("hello yourself, whoever you are");
    const later: ModelRequest = {
      model: "script",
      messages: [
        { role: "user", text: "a" },
        { role: "assistant", text: "b" },
        { role: "user", text: "c" },
      ],
    };
    expect((await provider.ask(later)).text).toBe("the second");
  });

  it("calls tools only where there are some, and has no answer to the rest", async () => {
    const question: ModelRequest = { model: "script", messages: [{ role: "user", text: "use a tool" }] };
    expect((await provider.ask({ ...question, tools: [TOOL] })).toolCalls).toMatchObject([{ name: "add" }]);
    expect((await provider.ask(question)).toolCalls).toEqual([]);
    const other: ModelRequest = { model: "script", messages: [{ role: "user", text: "nothing" }] };
    await expect(provider.ask(other)).rejects.toMatchObject({ code: "model_unavailable" });
  });
});

describe("a provider's settings", () => {
  it("are refused when they hold anything unknown, or no address where one is needed", () => {
    for (const wrong of [
      { kind: "openai" },
      { kind: "openai", baseUrl: "file:///etc/passwd" },
      { kind: "ollama", baseurl: "http://127.0.0.1" },
      { kind: "scripted", script: { answers: [] } },
      { kind: "other" },
    ]) {
      expect(ProviderSettings.safeParse(wrong).success).toBe(false);
    }
  });
});
