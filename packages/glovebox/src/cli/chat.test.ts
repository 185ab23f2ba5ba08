import { expect, test } from "vitest";
import { answerWith, useChat } from "../../../../test/support/chat.ts";
import { cli } from "./testing/cli.ts";
import { onTerminal } from "./testing/terminal.ts";

const HOOKS = `export default {
  name: "asks",
  point: "pre_execution",
  run: ({ code }) => (code.includes("ask") ? { decision: "ask", prompt: "May it \\u001b]0;owned\\u0007?" } : { decision: "allow" }),
};`;

const stage = useChat({
  files: { "hooks.mjs": HOOKS },
  assistants: {
    plain: { execution: { enabled: true } },
    py: { description: "Runs Python", execution: { enabled: true }, hooks: [{ module: "{folder}/hooks.mjs" }] },
  },
});
const env = () => ({ GLOVEBOX_URL: stage.server.url, GLOVEBOX_TOKEN: stage.http.token });

async function run(args: readonly string[], input?: string) {
  return cli(args, { env: env(), ...(input !== undefined && { input }) });
}

async function lines(args: readonly string[]): Promise<string[]> {
  const { stdout, stderr, code } = await run(args);
  expect([stderr, code]).toEqual(["", 0]);
  return stdout.trimEnd().split("\n");
}

async function json(args: readonly string[]) {
  return JSON.parse((await lines([...args, "--json"])).join("\n"));
}

test("one message: the answer, what was decided and what came out, or all of it as JSON", async () => {
  stage.model.reply({ text: answerWith("print(6 * 7)\nprint('\\x1b[31mred')") });
  const { stdout, code } = await run(["chat", "py", "-m", "Run it."]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/print\(6 \* 7\)[\s\S]*▶ python executed: [\s\S]* │ 42\n[\s\S]* └ ok\n$/);
  // What a program prints does not command the terminal.
  expect(stdout).toContain("\\u001b[31mred");
  expect(stdout).not.toContain("\u001b");
  const turn = await json(["chat", "py", "-m", "Run it."]);
  expect(turn).toMatchObject({ status: "completed", executions: [{ status: "ok" }] });
  const id: string = turn.conversationId;
  stage.model.reply({ text: "From stdin." });
  const piped = await run(["chat", "--conversation", id], "Tell me.\n");
  expect(piped.stdout).toBe("From stdin.\n");
  expect(JSON.stringify(stage.model.asked.at(-1)?.body.messages)).toContain("Tell me.");
});

test("exit codes and words for what goes wrong", async () => {
  const many = await run(["chat", "-m", "Hello"]);
  expect([many.code, many.stderr]).toEqual([2, expect.stringContaining("there are demo, plain, py")]);
  expect((await run(["chat", "none", "-m", "Hello"])).code).toBe(3);
  expect((await run(["chat", "py"], "  \n")).code).toBe(2);
  stage.model.reply({ text: "Words that break off", fault: { kind: "die", after: 2 } });
  const died = await run(["chat", "py", "-m", "Hello"]);
  expect(died.code).toBe(1);
  expect(died.stdout).toMatch(/^Words[\s\S]*the turn failed: .*\(model_unavailable\)\n$/);
});

test("conversations, assistants and approvals have their commands", async () => {
  stage.model.reply({ text: answerWith("print(1)") });
  const { conversationId: id } = await json(["chat", "py", "-m", "Run the first."]);
  expect(await lines(["conversations", "list"])).toContainEqual(expect.stringMatching(new RegExp(`^${id}\tpy\t1\t`)));
  expect((await lines(["conversations", "show", id])).join("\n")).toMatch(/user\nRun the first\.\n[\s\S]*assistant\n/);
  expect(await lines(["conversations", "executions", id, "--outcome", "ok"])).toHaveLength(1);
  const [fork = ""] = await lines(["conversations", "fork", id]);
  expect(await json(["conversations", "show", fork])).toMatchObject({ forkedFrom: id });
  expect((await run(["conversations", "delete", fork])).code).toBe(2);
  expect(await lines(["conversations", "delete", fork, "--yes"])).toEqual([`${fork}\tdeleted`]);
  expect((await run(["conversations", "show", fork])).code).toBe(3);
  expect(await lines(["assistants", "list"])).toContainEqual("py\topenai tiny\tanswer, in python\tRuns Python");
  expect((await json(["assistants", "reload"])).items).toHaveLength(3);
  expect(await lines(["assistants", "show", "py"])).toContain("hooks\tmodule");
});

test("a question that nobody here can answer is answered by another command", async () => {
  stage.model.reply({ text: answerWith("print('asked')") });
  const turn = cli(["chat", "py", "-m", "Run it."], { env: env() });
  const pending = async () => await json(["approvals", "list", "--status", "pending"]);
  await expect.poll(async () => (await pending()).items.length, { timeout: 30_000 }).toBe(1);
  const [{ id }] = (await pending()).items;
  expect((await lines(["approvals", "show", id])).join("\n")).toContain("print('asked')");
  expect(await lines(["approvals", "approve", id, "--reason", "fine"])).toEqual([`${id}\tapproved`]);
  expect((await run(["approvals", "refuse", id])).code).toBe(1);
  const { stdout, code } = await turn;
  expect(code).toBe(0);
  expect(stdout).toContain(`glovebox approvals approve ${id}`);
  expect(stdout).toMatch(/│ asked\n/);
});

test("on a terminal: it answers, asks in place, and remembers", async () => {
  stage.model.reply(({ body }) => {
    const said = String(body.messages.at(-1).content);
    if (said.includes("first")) return { text: answerWith("x = 41\nprint('set')") };
    if (said.includes("second")) return { text: answerWith("print('asked', x + 1)") };
    return { text: answerWith("print('asked thrice')") };
  });
  const { text, code } = await onTerminal(["chat", "py"], { ...env(), NO_COLOR: "1" }, [
    { when: "py> ", type: "the first, run it\r" },
    { when: "│ set", type: "" },
    { when: "└ ok", type: "" },
    { when: "py> ", type: "the second, run it\r" },
    { when: "run it? [y/N] ", type: "y\r" },
    { when: "│ asked 42", type: "" },
    { when: "py> ", type: "the third, run it\r" },
    { when: "run it? [y/N] ", type: "\r" },
    { when: "refused", type: "" },
    { when: "py> ", type: "\x04" },
    { when: "glovebox chat --conversation", type: "" },
  ]);
  expect(code).toBe(0);
  expect(text).not.toContain("│ asked thrice");
  // The hook's prompt would have named the window.
  expect(text).not.toContain("\u001b]0;owned");
  expect(text).toContain("\\u001b]0;owned");
});

test("on a terminal: a question that is answered elsewhere is asked no more", async () => {
  stage.model.reply({ text: answerWith("print('asked')") });
  const approve = async () => {
    const { items } = await stage.box.approvals.list({ status: "pending" });
    for (const { id } of items) await stage.box.approvals.decide(id, "approve");
  };
  const { text, code } = await onTerminal(["chat", "py"], { ...env(), NO_COLOR: "1" }, [
    { when: "py> ", type: "run it\r" },
    { when: "run it? [y/N] ", type: () => void approve() },
    { when: "python executed: approved by tester", type: "" },
    { when: "│ asked", type: "" },
    { when: "py> ", type: "\x04" },
  ]);
  expect([code, text.split("run it? [y/N]").length]).toEqual([0, 2]);
  expect((await onTerminal(["chat", "none"], env(), [{ when: "no assistant none", type: "" }])).code).toBe(3);
});

test("on a terminal: Ctrl-C cancels the turn, drops what is typed, and Ctrl-D leaves", async () => {
  stage.model.reply({ text: answerWith("import time\nprint('asleep', flush=True)\ntime.sleep(600)") });
  const { code } = await onTerminal(["chat", "plain"], { ...env(), NO_COLOR: "1" }, [
    { when: "plain> ", type: "sleep, run it\r" },
    { when: "│ asleep", type: "\x03" },
    { when: "cancelled", type: "" },
    { when: "plain> ", type: "never said" },
    { when: "never said", type: "\x03" },
    { when: "^C", type: "" },
    { when: "plain> ", type: "\x04" },
    { when: "glovebox chat --conversation", type: "" },
  ]);
  expect(code).toBe(0);
  expect(JSON.stringify(stage.model.asked)).not.toContain("never said");
});
