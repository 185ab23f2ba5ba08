import { describe, expect, test } from "vitest";
import { answerWith, eventsUntil, useChat } from "../support/chat.ts";

const stage = useChat({
  assistants: {
    py: { execution: { enabled: true } },
    guarded: { execution: { enabled: true }, hooks: [{ builtin: "output-sanitiser" }] },
  },
});

describe("flow 8: a model that goes away", () => {
  test("in mid-stream: the turn ends as error, with what had come kept, and the next one works", async () => {
    stage.model.reply({ text: `Let me think about ${"this ".repeat(50)}`, fault: { kind: "die", after: 5 } });
    const input = { assistant: "py", messages: [{ role: "user", text: "Think." }] } as const;
    const events = await eventsUntil(stage.box.chat.stream(input), "completed");
    const last = events.at(-1);
    if (last?.type !== "completed") throw new Error("it ends with its result");
    const { result } = last;
    expect(result).toMatchObject({ status: "error", error: { code: "model_unavailable" }, executions: [] });
    expect(result.text).toMatch(/^Let me think about this/);
    expect(events.some(({ type }) => type === "text")).toBe(true);
    stage.model.reply({ text: "Here I am again." });
    const next = await stage.say("py", "Go on.", result.conversationId);
    expect(next).toMatchObject({ status: "completed", text: "Here I am again." });
    expect(JSON.stringify(stage.model.asked.at(-1)?.body.messages)).toContain("Think.");
  });

  test("the whole server: the same, in seconds", async () => {
    stage.model.reply({ fault: { kind: "status", status: 503 } });
    expect(await stage.say("py", "Hello?")).toMatchObject({
      status: "error",
      error: { code: "model_unavailable" },
      text: "",
    });
    stage.model.reply({ fault: { kind: "status", status: 401 } });
    expect(await stage.say("py", "Hello?")).toMatchObject({ status: "error", error: { code: "permission_denied" } });
  });
});

test("a turn goes on when the server dies in the middle of its answer", { retry: 0 }, async () => {
  stage.model.reply({ text: answerWith("print('after all')"), pauseMs: 300 });
  const input = { assistant: "py", messages: [{ role: "user", text: "Run it." }] } as const;
  const events = await eventsUntil(stage.box.chat.stream(input), "text");
  const [started] = events;
  if (started?.type !== "started") throw new Error("it has started");
  stage.model.reply({ text: answerWith("print('after all')") });
  await stage.restart();
  expect(await stage.box.chat.result(started.runId)).toMatchObject({
    status: "completed",
    executions: [{ stdout: "after all\n" }],
  });
});

describe("flow 9: a replay", () => {
  test.each(["py", "guarded"])("of a turn with %s calls no model, runs nothing and is identical", async (assistant) => {
    stage.model.reply({ text: answerWith("import time\nprint(time.time())") });
    const turn = await stage.say(assistant, "Run it.");
    const asked = stage.model.asked.length;
    const before = (await stage.box.executions.list()).items.length;
    expect(await stage.box.runs.replay(turn.runId)).toMatchObject({ identical: true });
    expect(stage.model.asked).toHaveLength(asked);
    expect((await stage.box.executions.list()).items).toHaveLength(before);
    expect(await stage.box.chat.result(turn.runId)).toEqual(turn);
  });

  test("of a turn that failed is identical, too", async () => {
    stage.model.reply({ text: "Some words first.", fault: { kind: "die", after: 2 } });
    const turn = await stage.say("py", "Run it.");
    expect(turn.status).toBe("error");
    const asked = stage.model.asked.length;
    expect(await stage.box.runs.replay(turn.runId)).toMatchObject({ identical: true });
    expect(stage.model.asked).toHaveLength(asked);
  });
});
