import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { beforeAll, describe, expect, test } from "vitest";
import type { Reply } from "../../packages/glovebox/src/models/testing/model-server.ts";
import { connectClient } from "../../packages/glovebox/src/surfaces/mcp/testing/client.ts";
import { useChat } from "../support/chat.ts";
import { PYTHON } from "../support/flows.ts";
import { root } from "../support/server.ts";

const HOOK = `
const about = (subject) => subject.tool === undefined ? "" : subject.tool.name + " " + subject.code;
const gate = {
  name: "gate",
  point: "pre_execution",
  run: (subject) => {
    if (subject.tool?.name === "get_flow_run") return { decision: "modify", value: { ...subject, code: "true" } };
    if (about(subject).startsWith("run_flow")) return { decision: "block", reason: "no flows: " + subject.code };
    if (subject.tool?.name === "ask_agent") return { decision: "ask", prompt: "May it ask " + subject.tool.input.agent + "?" };
    if (subject.tool?.name !== "search_context") return { decision: "allow" };
    const query = subject.tool.input.query === "plans" ? "plans" : "harbour";
    return { decision: "modify", value: { ...subject, tool: { ...subject.tool, input: { query, k: 1 } } } };
  },
};
const seal = {
  name: "seal",
  point: "post_execution",
  run: ({ tool, stdout }) =>
    tool?.name === "search_context" && stdout.includes("war plans") ? { decision: "block", reason: "sealed" } : { decision: "allow" },
};
export default [gate, seal];
`;

const tools = ["write_file", "search_context", "run_flow", "get_flow_run", "apply_flow_run", "ask_agent"];
const execution = { enabled: true, mode: "tool", tools };
const stage = useChat({
  assistants: {
    lead: { execution },
    gated: { execution, hooks: [{ module: "{folder}/hook.js" }] },
    brief: { execution, budget: { wallMs: 4_000 } },
  },
  files: { "hook.js": HOOK },
  config: `flows: {modules: [${join(root, "test/e2e/testdata/asking-flow.ts")}]}\n`,
});

interface Message {
  readonly role: string;
  readonly content?: string;
}

/** The model calls one tool after the other; each sees what the ones before gave. Then it says what the last one gave. */
function work(...calls: readonly ((results: readonly string[]) => { name: string; input: unknown })[]): void {
  stage.model.reply(({ body }): Reply => {
    const messages: readonly Message[] = body.messages;
    const since = messages.slice(messages.findLastIndex(({ role }) => role === "user"));
    const results = since.filter(({ role }) => role === "tool").map(({ content }) => content ?? "");
    const next = calls[results.length];
    return next === undefined ? { text: `Done: ${results.at(-1)}` } : { toolCalls: [next(results)] };
  });
}

const call = (name: string, input: unknown) => () => ({ name, input });
const write = (path: string) => call("write_file", { path, content: PYTHON[path] });
const flowRun = (results: readonly string[]) => /run (\S+) of the flow/.exec(results.join("\n"))?.[1] ?? "";
/** Results of tools in the last conversation, as the model was told them. */
function told(): readonly string[] {
  const messages: readonly Message[] = stage.model.asked.at(-1)?.body.messages ?? [];
  return messages.filter(({ role }) => role === "tool").map(({ content }) => content ?? "");
}

describe("a conversation has agents work on its workspace", { timeout: 180_000 }, () => {
  beforeAll(async () => {
    await stage.box.context.add([
      { kind: "text", path: "notes/harbour.md", content: "Ships wait in the harbour.", origin: "a person" },
      { kind: "text", path: "notes/plans.md", content: "The war plans of ops@example.org.", origin: "a person" },
      { kind: "text", path: "notes/ranges.md", content: "Ranges are half open.", origin: "a person" },
    ]);
  });

  test("it searches, has the tests run, starts a flow, waits for it over a crash of the server, and takes its change", async () => {
    work(
      write("ranges.py"),
      write("test_ranges.py"),
      call("search_context", { query: "half open ranges", k: 1 }),
      call("ask_agent", { agent: "test_exec" }),
      call("run_flow", { flow: "fix-failing" }),
      (results) => ({ name: "get_flow_run", input: { run: flowRun(results), waitSeconds: 300 } }),
      (results) => ({ name: "apply_flow_run", input: { run: flowRun(results) } }),
      call("ask_agent", { agent: "test_exec" }),
    );
    const said = { assistant: "lead", messages: [{ role: "user", text: "Make the tests pass." }] } as const;
    let runId = "";
    const seen: string[] = [];
    for await (const event of stage.box.chat.stream(said)) {
      if (event.type === "started") runId = event.runId;
      if (event.type === "tool_called") seen.push(event.name);
      if (event.type === "tool_called" && event.name === "get_flow_run") break;
    }
    expect(seen).toEqual([...["write_file", "write_file", "search_context", "ask_agent", "run_flow", "get_flow_run"]]);
    await stage.restart();
    const turn = await stage.box.chat.result(runId, { signal: AbortSignal.timeout(150_000) });
    expect(turn.status).toBe("completed");
    expect(turn.text).toMatch(/Done: .*3 passed/s);
    const [, , found = "", failing = "", started = "", flow = "", applied = ""] = told();
    expect(found).toContain("notes/ranges.md:1-1 (text)\nRanges are half open.");
    expect(failing).toMatch(/test_exec: .*1 passed, 2 failed/s);
    expect(started).toContain("of the flow fix-failing goes on");
    expect(flow).toContain("-    for index in range(len(numbers) - 1):");
    expect(applied).toBe("changed: ranges.py");
    const { sessionId = "", messages } = await stage.box.conversations.get(turn.conversationId);
    const mended = await (await stage.box.sessions.get(sessionId)).files.readText("ranges.py");
    expect(mended).toContain("for index in range(len(numbers)):");
    expect(messages.filter(({ role }) => role === "tool")).toHaveLength(8);
    const { items } = await stage.box.runs.list({ program: "flow.fix-failing" });
    expect(items).toHaveLength(1);
    const asked = stage.model.asked.length;
    expect(await stage.box.runs.replay(runId)).toMatchObject({ identical: true });
    expect(stage.model.asked).toHaveLength(asked);
  });

  test("a hook blocks one tool, changes what another is asked, and has a person asked about a third", async () => {
    const started = async () => {
      const lists = ["flow.fix-failing", "agents.task"].map((program) => stage.box.runs.list({ program }));
      return (await Promise.all(lists)).map(({ items }) => items.length);
    };
    const before = await started();
    work(
      write("ranges.py"),
      call("run_flow", { flow: "fix-failing" }),
      call("search_context", { query: "ranges" }),
      call("ask_agent", { agent: "static_analysis" }),
      call("search_context", { query: "plans" }),
      call("get_flow_run", { run: "none" }),
    );
    const said = { assistant: "gated", messages: [{ role: "user", text: "Go on." }] } as const;
    const prompts: (string | undefined)[] = [];
    for await (const event of stage.box.chat.stream(said)) {
      if (event.type !== "approval") continue;
      prompts.push(event.approval.prompt, event.approval.code);
      await stage.box.approvals.decide(event.approval.id, "refuse", { reason: "not today" });
    }
    expect(prompts).toEqual(["May it ask static_analysis?", "glovebox agents run 'static_analysis' --payload '{}'"]);
    const [, blocked, changed, refused, sealed, another] = told();
    expect(sealed).toBe("withheld: the hook seal blocks: sealed");
    expect(another).toMatch(/^not done: a hook changed the command of a tool/);
    expect(blocked).toBe("not done: the hook gate blocks: no flows: glovebox flow run 'fix-failing'");
    expect(changed).toContain("Ships wait in the harbour.");
    expect(refused).toMatch(/^not done: refused by .*: not today$/);
    expect(await started()).toEqual(before);
  });

  test("who may not start flows does not do so by a conversation; who cancels the turn ends what it asked for", async () => {
    const { secret } = await stage.box.tokens.create({ name: "an agent's", roles: ["agent"] });
    const agent = new Glovebox({ url: stage.server.url, token: secret });
    work(call("run_flow", { flow: "fix-failing" }), call("search_context", { query: "war plans", k: 1 }));
    const said = { assistant: "lead", messages: [{ role: "user", text: "Go on." }] } as const;
    expect(await agent.chat(said)).toMatchObject({ status: "completed" });
    const offered = stage.model.asked
      .at(-1)
      ?.body.tools.map((tool: { function: { name: string } }) => tool.function.name);
    expect(offered).toEqual(["write_file", "search_context", "get_flow_run", "apply_flow_run"]);
    expect(told()[0]).toContain("there is no tool 'run_flow'");
    expect(told()[1]).toMatch(/^notes\/plans\.md:1-1 \(text\)\nThe war plans of \[redacted/);
    work(
      call("write_file", {
        path: "test_slow.py",
        content: "import time, unittest\nclass T(unittest.TestCase):\n    def test_t(self):\n        time.sleep(987)\n",
      }),
      call("ask_agent", { agent: "test_exec" }),
    );
    const late = await stage.say("brief", "Go on.");
    expect(late).toMatchObject({ status: "error", error: { code: "budget_exceeded" } });
    const tasks = async () => (await stage.box.runs.list({ program: "agents.task", limit: 1 })).items[0];
    await expect.poll(async () => (await tasks())?.status, { timeout: 30_000 }).toMatch(/cancelled|failed/);
    let runId = "";
    const first = (await tasks())?.id;
    for await (const event of stage.box.chat.stream(said)) {
      if (event.type === "started") runId = event.runId;
      if (event.type === "tool_called" && event.name === "ask_agent") break;
    }
    await expect.poll(async () => (await tasks())?.id, { timeout: 30_000 }).not.toBe(first);
    await stage.box.runs.cancel(runId);
    await expect.poll(async () => (await tasks())?.status, { timeout: 30_000 }).toBe("cancelled");
  });

  test("a client of MCP sees flows and agents, starts a flow and answers it, and has one agent do one task", async () => {
    const { secret: token } = await stage.box.tokens.create({ name: "an editor's", roles: ["developer"] });
    await using mcp = await connectClient({ url: stage.server.url, root: token });
    const flows = (await mcp.call("list_flows", {})).structuredContent.flows as { name: string; input: object }[];
    expect(flows.map(({ name }) => name)).toEqual(["asking", "feature-add", "fix-failing"]);
    expect(flows[0]?.input).toMatchObject({ required: ["question"] });
    const agents = (await mcp.call("list_agents", {})).structuredContent.agents as { name: string }[];
    expect(agents.map(({ name }) => name)).toEqual(expect.arrayContaining(["planner", "static_analysis", "test_exec"]));
    const started = await mcp.call("run_flow", { flow: "asking", input: { question: "Why?" } });
    const run = String(started.structuredContent.run);
    await expect
      .poll(async () => (await mcp.call("get_flow_run", { run })).structuredContent.questions, { timeout: 30_000 })
      .toEqual([{ id: "question", kind: "ask", text: "Why?" }]);
    expect((await mcp.call("answer_flow", { run, approved: true })).isError).toBe(true);
    expect((await mcp.call("answer_flow", { run, answer: "Because." })).isError).toBe(false);
    await expect
      .poll(async () => (await mcp.call("get_flow_run", { run })).structuredContent.status, { timeout: 30_000 })
      .toBe("completed");
    expect((await stage.box.flows.run(run)).output).toEqual({ answer: "Because." });
    const planned = await mcp.call("run_agent", { agent: "planner", payload: { goal: "add two numbers" } });
    expect(planned).toMatchObject({ isError: false, structuredContent: { agent: "planner", status: "completed" } });
    expect(JSON.parse(String(planned.structuredContent.answer))).toMatchObject({ agent: "planner" });
    const refused = await mcp.call("run_agent", { agent: "test_exec" });
    expect(refused.isError).toBe(true);
    expect(String(refused.structuredContent.answer)).toContain("invalid_argument");
  });
});
