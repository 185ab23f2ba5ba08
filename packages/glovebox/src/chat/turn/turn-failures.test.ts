import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { TurnEvent } from "../services.ts";
import { type AssistantDraft, type ChatStage, openChatStage, says, until } from "../testing/chat-stage.ts";
import { TurnRunInput } from "./turn-input.ts";

describe("a turn that does not go well", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());
  const executing = (draft: AssistantDraft = {}) => at.assistant({ execution: { enabled: true }, ...draft });
  const running = async () =>
    (await at.stage.services.executions.list(TENANT, { status: ["queued", "running"] })).items.length;
  const conversationOf = async (runId: string) =>
    at.chat.conversations.get(TENANT, (await at.result(runId)).conversationId);

  it("keeps what had arrived when the model goes away in mid-stream", async () => {
    at.model.reply({ text: "This is the beginning of an answer that never ends", fault: { kind: "die", after: 4 } });
    const result = await at.ask(executing(), "hello");
    expect(result).toMatchObject({ status: "error", error: { code: "model_unavailable" }, executions: [] });
    expect(result.text).not.toBe("");
    expect("This is the beginning of an answer that never ends".startsWith(result.text)).toBe(true);
    // The conversation goes on.
    at.model.reply({ text: "Here I am." });
    const next = await at.ask(result.assistant, "again", { conversationId: result.conversationId });
    expect(next).toMatchObject({ status: "completed", text: "Here I am." });
    const { messages } = await at.chat.conversations.get(TENANT, result.conversationId);
    expect(messages.map(({ text }) => text)).toEqual(["hello", result.text, "again", "Here I am."]);
  });

  it("gives a clear error when the model hangs, is down, or talks nonsense", async () => {
    const model = { provider: "openai", name: "tiny", baseUrl: `${at.model.url}/v1`, idleTimeoutMs: 200 } as const;
    const impatient = executing({ model });
    at.model.reply({ text: "x", fault: { kind: "hang", after: 0 } });
    const before = at.model.asked.length;
    expect(await at.ask(impatient, "hello")).toMatchObject({ status: "error", error: { code: "timeout" } });
    expect(at.model.asked.length).toBe(before + 1);
    at.model.reply(() => {
      const isFirst = at.model.asked.length === before + 2;
      return isFirst ? { fault: { kind: "status", status: 503 } } : { text: "here again" };
    });
    expect(await at.ask(impatient, "hello")).toMatchObject({ status: "completed", text: "here again" });
    at.model.reply({ fault: { kind: "garbage" } });
    expect(await at.ask(impatient, "hello")).toMatchObject({ status: "error", error: { code: "model_unavailable" } });
    const down = executing({ model: { ...model, baseUrl: "http://127.0.0.1:1/v1" } });
    expect(await at.ask(down, "hello")).toMatchObject({ status: "error", error: { code: "model_unavailable" } });
  });

  it("ends when tokens, dollars or time are used up, with what it had", async () => {
    at.model.reply({ text: says("print(1)") });
    const poor = await at.ask(executing({ budget: { tokens: 17 } }), "run it");
    expect(poor).toMatchObject({ status: "error", error: { code: "budget_exceeded", message: /tokens 18 of 17/ } });
    expect(poor).toMatchObject({ text: says("print(1)"), executions: [], usage: { inputTokens: 11 } });
    expect(at.model.asked.at(-1)?.body.max_tokens).toBe(17);
    expect(await at.ask(executing({ budget: { tokens: 18 } }), "run it")).toMatchObject({ status: "completed" });
    const price = { input: 1_000, output: 1_000 };
    const model = { provider: "openai", name: "tiny", baseUrl: `${at.model.url}/v1`, price } as const;
    const broke = await at.ask(executing({ model, budget: { usd: 0.001 } }), "run it");
    expect(broke).toMatchObject({ status: "error", error: { message: /usd/ }, executions: [] });
    expect(await at.ask(executing({ model, budget: { usd: 1 } }), "run it")).toMatchObject({ status: "completed" });
    const unknown = await at.ask(executing({ budget: { usd: 1 } }), "run it");
    expect(unknown).toMatchObject({ status: "error", error: { message: /price/ }, executions: [] });
    at.model.reply({ text: says("import time\ntime.sleep(25)") });
    const late = await at.ask(executing({ budget: { wallMs: 3_000 } }), "run it");
    expect(late).toMatchObject({ status: "error", error: { code: "budget_exceeded", message: /wallMs/ } });
    await until(async () => (await running()) === 0);
  });

  it("leaves nothing under way when it is cancelled while the model answers", async () => {
    at.model.reply({ text: "word ".repeat(2_000), pauseMs: 10 });
    const runId = await at.start(executing(), "talk");
    for await (const { type } of at.chat.turns.follow(TENANT, runId)) if (type === "text") break;
    await at.engine.cancel(TENANT, runId);
    expect(await at.result(runId)).toMatchObject({ status: "cancelled", error: { code: "cancelled" } });
    await until(async () => (await conversationOf(runId)).currentRunId === undefined);
    expect((await conversationOf(runId)).messages).toEqual([{ role: "user", text: "talk" }]);
  });

  it("leaves nothing under way when it is cancelled while code runs", async () => {
    at.model.reply({ text: says("import time\nprint('up', flush=True)\ntime.sleep(60)") });
    const runId = await at.start(executing({ execution: { enabled: true, timeoutMs: 60_000 } }), "run it");
    const events: TurnEvent[] = [];
    for await (const event of at.chat.turns.follow(TENANT, runId)) {
      events.push(event);
      if (event.type === "output") await at.engine.cancel(TENANT, runId);
    }
    expect(events.map(({ type }) => type).filter((type) => type !== "text")).toEqual([
      "started",
      "block",
      "execution_started",
      "output",
      "completed",
    ]);
    expect(events.at(-1)).toMatchObject({ result: { status: "cancelled" } });
    await until(async () => (await running()) === 0);
    await until(async () => (await conversationOf(runId)).currentRunId === undefined);
  });

  it("goes on after the server ended while code ran, which runs once", async () => {
    at.model.reply({ text: says("import time\nprint('once', flush=True)\ntime.sleep(2)\nprint('done')") });
    const runId = await at.start(executing(), "run it");
    for await (const { type } of at.chat.turns.follow(TENANT, runId)) if (type === "output") break;
    const asked = at.model.asked.length;
    await at.reopen();
    expect(await at.result(runId)).toMatchObject({ executions: [{ status: "ok", stdout: "once\ndone\n" }] });
    expect(at.model.asked.length).toBe(asked);
  });

  it("is replayed identically, with nobody asked and nothing run", async () => {
    at.model.reply({ text: says("import random\nprint(random.random())") });
    const { runId } = await at.ask(executing(), "run it");
    const asked = at.model.asked.length;
    const before = (await at.stage.services.executions.list(TENANT)).items.length;
    const events: TurnEvent[] = [];
    expect(await at.engine.replay(TENANT, runId)).toMatchObject({ identical: true });
    expect(await at.engine.replay(TENANT, runId, { live: true })).toMatchObject({ identical: true });
    expect(at.model.asked.length).toBe(asked);
    expect((await at.stage.services.executions.list(TENANT)).items.length).toBe(before);
    for await (const event of at.chat.turns.follow(TENANT, runId)) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["started", "completed"]);
  });

  it("is refused while another one is under way in the conversation", async () => {
    at.model.reply({ text: "word ".repeat(2_000), pauseMs: 10 });
    const assistant = executing();
    const runId = await at.start(assistant, "talk");
    const { conversationId } =
      (await at.stage.store.conversations.list(TENANT, { limit: 1 })).items.map(({ id }) => ({
        conversationId: id,
      }))[0] ?? {};
    if (conversationId === undefined) throw new Error("no conversation");
    const both = await Promise.allSettled([
      at.start(assistant, "and", { conversationId }),
      at.chat.conversations.fork(TENANT, conversationId),
      at.chat.conversations.delete(TENANT, conversationId),
    ]);
    expect(both).toMatchObject(both.map(() => ({ status: "rejected", reason: { code: "conflict" } })));
    await at.engine.cancel(TENANT, runId);
    await at.result(runId);
    at.model.reply({ text: "fine" });
    const two = await Promise.allSettled([1, 2].map((n) => at.start(assistant, `at once ${n}`, { conversationId })));
    const codes = two.map((one) => (one.status === "rejected" ? one.reason.code : "started"));
    // The first may be over before the second is asked.
    expect(codes).toContain("started");
    expect(codes.every((code) => code === "started" || code === "conflict")).toBe(true);
  });

  it("is started once by an idempotency key", async () => {
    at.model.reply({ text: "fine" });
    const assistant = executing();
    const more = { idempotencyKey: "k-1" };
    const [first, second] = await Promise.all([at.start(assistant, "hi", more), at.start(assistant, "hi", more)]);
    expect(second).toBe(first);
    await at.result(first);
    expect(await at.start(assistant, "hi", more)).toBe(first);
    await expect(at.start(assistant, "other", more)).rejects.toMatchObject({ code: "conflict" });
  });

  it("leaves its conversation alone when it is a fork of another turn", async () => {
    at.model.reply(({ body }) => ({
      text: says(`open('who', 'a').write('${body.model} ')\nprint(open('who').read())`),
    }));
    const first = await at.ask(executing(), "run it");
    expect(first.executions).toMatchObject([{ stdout: "tiny \n" }]);
    const fork = await at.engine.fork(TENANT, first.runId, { step: "ask", patch: { model: "big" } });
    const forked = await at.result(fork.id);
    // In a sandbox of its own, which ends with it.
    expect(forked).toMatchObject({ status: "completed", executions: [{ stdout: "big \n" }] });
    const { turns, sessionId } = await at.chat.conversations.get(TENANT, first.conversationId);
    expect(turns).toBe(1);
    expect((await at.chat.conversations.executions(TENANT, first.conversationId)).items).toHaveLength(1);
    await until(async () => {
      const live = await at.stage.services.sessions.list(TENANT, {
        metadata: { run: fork.id },
        status: ["ready", "starting", "closing"],
      });
      return live.items.length === 0;
    });
    expect(await at.stage.services.sessions.get(TENANT, sessionId ?? "")).toMatchObject({ status: "ready" });
    // Begun anew from its first step it is refused: nobody asked for it.
    const again = await at.engine.fork(TENANT, first.runId, { step: "begin" });
    expect(await at.result(again.id)).toMatchObject({ status: "error", error: { code: "permission_denied" } });
  });

  it("does not begin unless the service began it: an assistant of somebody's own would name modules and keys", async () => {
    const [program] = at.engine.programs();
    if (program === undefined) throw new Error("no program");
    at.model.reply({ text: "fine" });
    const { conversationId } = await at.ask(executing(), "hi");
    const assistant = at.chat.assistants.list()[0];
    const input = TurnRunInput.parse({
      conversationId,
      assistant,
      model: "tiny",
      history: [],
      messages: [{ role: "user", text: "x" }],
    });
    const asked = at.model.asked.length;
    const { id } = await at.engine.start(program, input, { tenantId: TENANT });
    await expect(at.engine.result(TENANT, id, AbortSignal.timeout(30_000))).rejects.toMatchObject({
      code: "permission_denied",
    });
    expect(at.model.asked.length).toBe(asked);
    await expect(at.chat.turns.result("other", id)).rejects.toMatchObject({ code: "not_found" });
  });
});
