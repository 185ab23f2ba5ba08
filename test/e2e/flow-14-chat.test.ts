import { Glovebox } from "@glovebox/sdk";
import { describe, expect, test } from "vitest";
import { answerWith, eventsUntil, useChat } from "../support/chat.ts";

const run = { enabled: true };
const stage = useChat({
  assistants: {
    py: { execution: run },
    off: {},
    sh: { execution: { ...run, template: "bash" } },
    careful: { execution: { ...run, snapshots: { auto: "before_execution", rollbackOnFailure: true } } },
  },
});

describe("flow 1: code in an answer runs where the assistant allows it", () => {
  test("a Python block runs and its result is in the answer", async () => {
    stage.model.reply({ text: answerWith("import math\nprint(math.factorial(10))") });
    const answer = await stage.http.post<Record<string, unknown>>("/v1/chat", {
      assistant: "py",
      messages: [{ role: "user", text: "What is 10!? Compute it." }],
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status: "completed",
      assistant: "py",
      model: "tiny",
      blocks: [{ index: 0, language: "python", decision: "executed" }],
      executions: [{ block: 0, status: "ok", stdout: "3628800\n", rolledBack: false }],
      usage: { inputTokens: 11, outputTokens: 7 },
    });
  });

  test("with execution off nothing runs, and the answer says so", async () => {
    stage.model.reply({ text: answerWith("print(1)") });
    const turn = await stage.say("off", "Run print(1).");
    expect(turn).toMatchObject({ status: "completed", blocks: [{ decision: "disabled" }], executions: [] });
    expect(turn.blocks[0]?.reason).toMatch(/off/);
    expect((await stage.box.conversations.get(turn.conversationId)).sessionId).toBeUndefined();
  });

  test("a one-line block runs when it is asked for", async () => {
    stage.model.reply({ text: "```python\nprint(6 * 7)\n```" });
    const turn = await stage.say("py", "Please run a line that prints 6 times 7.");
    expect(turn).toMatchObject({ blocks: [{ decision: "executed" }], executions: [{ stdout: "42\n" }] });
  });

  test("what happens is told as it happens, and going away stops nothing", async () => {
    stage.model.reply({ text: answerWith("import time\nprint('begun', flush=True)\ntime.sleep(1)\nprint('done')") });
    const events = await eventsUntil(
      stage.box.chat.stream({ assistant: "py", messages: [{ role: "user", text: "Run it." }] }),
      "output",
    );
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["started", "text", "block", "execution_started", "output"]),
    );
    const [started] = events;
    if (started?.type !== "started") throw new Error("the first event says which run it is");
    // The stream is closed by now: the turn goes on all the same.
    const turn = await stage.box.chat.result(started.runId);
    expect(turn).toMatchObject({ status: "completed", executions: [{ stdout: "begun\ndone\n" }] });
    expect((await stage.http.get(`/v1/chat/${started.runId}`)).body).toEqual(turn);
    const again = await eventsUntil(stage.box.chat.follow(started.runId), "completed");
    expect(again.at(-1)).toEqual({ type: "completed", result: turn });
  });
});

describe("flow 2: what is dangerous is blocked by the syntax tree", () => {
  test("rm -rf /home is blocked with its rule's id", async () => {
    stage.model.reply({ text: answerWith("rm -rf /home", "bash") });
    const turn = await stage.say("sh", "Run the clean-up.");
    expect(turn).toMatchObject({
      blocks: [{ decision: "blocked", rule: expect.stringMatching(/^bash\./) }],
      executions: [],
    });
  });

  test("the same words inside a Python string are not", async () => {
    stage.model.reply({ text: answerWith("print('rm -rf /home')") });
    const turn = await stage.say("py", "Run it.");
    expect(turn).toMatchObject({ blocks: [{ decision: "executed" }], executions: [{ stdout: "rm -rf /home\n" }] });
  });
});

describe("flow 3: a conversation keeps its state", () => {
  test("a variable of turn 1 is there in turn 2, and the model knows what came out", async () => {
    stage.model.reply({ text: answerWith("secret_number = 40\nprint('set')") });
    const first = await stage.say("py", "Run: set it.");
    stage.model.reply({ text: answerWith("print(secret_number + 2)") });
    const second = await stage.say("py", "Run: print it.", first.conversationId);
    expect(second).toMatchObject({ conversationId: first.conversationId, executions: [{ stdout: "42\n" }] });
    expect(JSON.stringify(stage.model.asked.at(-1)?.body.messages)).toContain("set");
    const whole = await stage.box.conversations.get(first.conversationId);
    expect(whole).toMatchObject({ turns: 2, runs: [first.runId, second.runId] });
    expect(whole.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  test("a failing turn leaves the files of the one before", async () => {
    stage.model.reply({ text: answerWith("open('kept.txt', 'w').write('one')\nprint('written')") });
    const first = await stage.say("careful", "Run: write it.");
    expect(first.executions).toMatchObject([{ status: "ok" }]);
    stage.model.reply({ text: answerWith("open('kept.txt', 'w').write('two')\nraise ValueError('no')") });
    const second = await stage.say("careful", "Run: change it.", first.conversationId);
    expect(second.executions).toMatchObject([{ status: "error", rolledBack: true }]);
    const { sessionId = "" } = await stage.box.conversations.get(first.conversationId);
    expect(await (await stage.box.sessions.get(sessionId)).files.readText("kept.txt")).toBe("one");
  });
});

describe("conversations", () => {
  test("are listed, forked with their sandbox, and deleted with it", async () => {
    stage.model.reply({ text: answerWith("open('a.txt', 'w').write('a')\nx = 1\nprint(x)") });
    const turn = await stage.say("py", "Run it.");
    const { box } = stage;
    expect((await box.conversations.list({ assistant: "py" })).items.map(({ id }) => id)).toContain(
      turn.conversationId,
    );
    const ran = await box.conversations.executions(turn.conversationId, { language: "python", outcome: "ok" });
    expect(ran.items.map(({ id }) => id)).toEqual(turn.executions.map(({ id }) => id));
    expect((await box.conversations.executions(turn.conversationId, { outcome: "failed" })).items).toEqual([]);
    const fork = await box.conversations.fork(turn.conversationId);
    expect(fork).toMatchObject({ forkedFrom: turn.conversationId, assistant: "py" });
    stage.model.reply({ text: answerWith("print(open('a.txt').read() * 3)") });
    expect(await stage.say("py", "Run it.", fork.id)).toMatchObject({ executions: [{ stdout: "aaa\n" }] });
    const { sessionId = "" } = await box.conversations.get(turn.conversationId);
    await box.conversations.delete(turn.conversationId);
    await expect(box.conversations.get(turn.conversationId)).rejects.toMatchObject({ code: "not_found" });
    const session = await box.sessions.get(sessionId).then(
      ({ info }) => info.status,
      (error: { code: string }) => error.code,
    );
    expect(["closed", "closing", "not_found"]).toContain(session);
  });

  test("take one turn at a time, and belong to their tenant", async () => {
    stage.model.reply({ text: answerWith("import time\ntime.sleep(2)\nprint('slept')") });
    const input = { assistant: "py", messages: [{ role: "user", text: "Run it." }] } as const;
    const events = stage.box.chat.stream(input);
    const [started] = await eventsUntil(events, "started");
    if (started?.type !== "started") throw new Error("it has started");
    const { conversationId, runId } = started;
    await expect(stage.say("py", "And this?", conversationId)).rejects.toMatchObject({ code: "conflict" });
    await expect(stage.box.conversations.delete(conversationId)).rejects.toMatchObject({ code: "conflict" });
    const secret = (await new Glovebox(stage.server).tokens.create({ name: "s", roles: ["admin"], tenantId: "other" }))
      .secret;
    for (const path of [`/v1/conversations/${conversationId}`, `/v1/chat/${runId}`]) {
      for (const accept of ["application/json", "text/event-stream"]) {
        const headers = { authorization: `Bearer ${secret}`, accept };
        expect((await fetch(stage.server.url + path, { headers })).status, `${path} ${accept}`).toBe(404);
      }
    }
    expect((await stage.box.chat.result(runId)).status).toBe("completed");
  });
});

describe("requests", () => {
  test("with the same key are one turn", async () => {
    stage.model.reply({ text: "Once." });
    const before = stage.model.asked.length;
    const send = () =>
      stage.http.request<{ runId: string }>(
        "POST",
        "/v1/chat",
        { assistant: "off", messages: [{ role: "user", text: "Hello" }] },
        { "idempotency-key": "only-once" },
      );
    const [first, second] = [await send(), await send()];
    expect(second.body.runId).toBe(first.body.runId);
    expect(stage.model.asked).toHaveLength(before + 1);
  });

  test("that make no sense are refused", async () => {
    const user = [{ role: "user", text: "Hello" }];
    const wrong: [object, number, string][] = [
      [{ assistant: "none", messages: user }, 404, "not_found"],
      [{ assistant: "py", messages: [] }, 400, "invalid_argument"],
      [{ assistant: "py", messages: [{ role: "system", text: "x" }] }, 400, "invalid_argument"],
      [{ assistant: "py", messages: [{ role: "assistant", text: "x" }] }, 400, "invalid_argument"],
      [{ assistant: "py", messages: user, model: "huge" }, 400, "invalid_argument"],
      [{ assistant: "py", messages: user, temperature: 1 }, 400, "invalid_argument"],
      [{ assistant: "py", messages: user, conversationId: "01900000-0000-7000-8000-000000000000" }, 404, "not_found"],
    ];
    for (const [body, status, code] of wrong) {
      const answer = await stage.http.post<{ error: { code: string } }>("/v1/chat", body);
      expect([answer.status, answer.body.error.code], JSON.stringify(body)).toEqual([status, code]);
    }
  });
});

describe("assistants", () => {
  test("are listed without their scripts, addresses and variables, and read again", async () => {
    const { items } = await stage.box.assistants.list();
    expect(items.map(({ name }) => name)).toEqual(["careful", "demo", "off", "py", "sh"]);
    expect(await stage.box.assistants.get("careful")).toMatchObject({
      model: { provider: "openai", name: "tiny" },
      execution: { enabled: true, snapshots: { rollbackOnFailure: true } },
    });
    expect(JSON.stringify(items)).not.toMatch(/"script":|baseUrl|127\.0\.0\.1|Env"/);
    expect((await stage.box.assistants.reload()).items).toEqual(items);
  });
});

describe("execute", () => {
  test("just runs some code: in a session for the call, or in the one that it names", async () => {
    expect(await stage.box.execute({ language: "python", code: "print(6 * 7)" })).toMatchObject({ stdout: "42\n" });
    await using session = await stage.box.sessions.create({ template: "python" });
    await session.run("x = 41");
    const named = { language: "python", code: "print(x + 1)", sessionId: session.id } as const;
    expect(await stage.box.execute(named)).toMatchObject({ stdout: "42\n" });
    const wrong = { language: "python", code: "1", template: "python" };
    expect((await stage.http.post("/v1/execute", wrong)).body).toMatchObject({
      error: { code: "invalid_argument", details: { path: "template" } },
    });
  });
});

describe("parse-execute", () => {
  test("runs what is sure to be meant to run, judged as in a chat, and nothing unless told to", async () => {
    const text = `${answerWith("print(6 * 7)")}\n${answerWith("import shutil\nshutil.rmtree('/home')")}`;
    const request = "Run it and tell me what it prints";
    const shown = await stage.box.parseExecute(text, { request });
    expect(shown.blocks.map(({ decision }) => decision)).toEqual(["shown", "blocked"]);
    expect(shown.executions).toEqual([]);
    const { blocks, executions } = await stage.box.parseExecute(text, { request, autoExecute: true, threshold: 0.3 });
    expect(blocks).toMatchObject([
      { decision: "executed", executionId: executions[0]?.execution.id },
      { decision: "blocked", rule: expect.any(String) },
    ]);
    expect(executions).toMatchObject([{ execution: { status: "ok" } }]);
    const sure = await stage.box.parseExecute("```python\nprint(1)\n```", { autoExecute: true, threshold: 1 });
    expect(sure.blocks).toMatchObject([{ decision: "shown" }]);
  });

  test("runs in the session that it is given, until a block fails", async () => {
    await using session = await stage.box.sessions.create({ template: "python" });
    await session.run("x = 41");
    const text = ["print(x + 1)", "raise ValueError(1)", "print('after')"].map((code) => answerWith(code)).join("\n");
    const options = { request: "run these", autoExecute: true, threshold: 0.2, sessionId: session.id };
    const { blocks, executions } = await stage.box.parseExecute(text, options);
    expect(blocks.map(({ decision }) => decision)).toEqual(["executed", "executed", "shown"]);
    expect(executions.map(({ execution }) => execution.status)).toEqual(["ok", "error"]);
    const both = stage.http.post("/v1/parse-execute", { text, sessionId: session.id, template: "python" });
    expect((await both).status).toBe(400);
  });
});
