import { expect, test } from "vitest";
import type { Reply } from "../../packages/glovebox/src/models/testing/model-server.ts";
import { useChat } from "../support/chat.ts";

const tool = { execution: { enabled: true, mode: "tool" } };
const stage = useChat({ assistants: { agent: tool, brief: { ...tool, budget: { toolCalls: 2 } } } });

const write = (content: string) => ({ name: "write_file", input: { path: "parts.py", content } });
const run = { name: "execute_code", input: { language: "python", code: "import parts\nprint(parts.total())" } };

/** Writes a file with a mistake, runs it, mends what the error says, and runs it again. */
const WORK: readonly Reply[] = [
  { text: "I write it.", toolCalls: [write("def total():\n    return sum([1, 2, 'three'])\n")] },
  { toolCalls: [run] },
  { toolCalls: [write("def total():\n    return sum([1, 2, 3])  # mended\n")] },
  {
    toolCalls: [
      { ...run, input: { ...run.input, code: `import importlib, parts\nimportlib.reload(parts)\n${run.input.code}` } },
    ],
  },
  { text: "The total is 6." },
];

/** Answers by how many results of tools it has seen. */
function work(): void {
  stage.model.reply(({ body }) => {
    const results = body.messages.filter(({ role }: { role: string }) => role === "tool").length;
    return WORK[results] ?? { text: "More than I wanted." };
  });
}

test("flow 6: the model writes a file, runs it, sees the error, mends it, and succeeds", async () => {
  work();
  const turn = await stage.say("agent", "Write the total and run it.");
  expect(turn).toMatchObject({ status: "completed", text: "The total is 6." });
  expect(turn.executions.map(({ status }) => status)).toEqual(["error", "ok"]);
  expect(turn.executions[1]?.stdout).toBe("6\n");
  expect(turn.blocks.map(({ decision, start }) => [decision, start])).toEqual([
    ["executed", undefined],
    ["executed", undefined],
  ]);
  const told = JSON.stringify(stage.model.asked.at(-1)?.body.messages);
  expect(told).toContain("TypeError");
  const { sessionId = "" } = await stage.box.conversations.get(turn.conversationId);
  expect(await (await stage.box.sessions.get(sessionId)).files.readText("parts.py")).toContain("# mended");
  const asked = stage.model.asked.length;
  expect(await stage.box.runs.replay(turn.runId)).toMatchObject({ identical: true });
  expect(stage.model.asked).toHaveLength(asked);
});

test("flow 6: a budget of two tool calls stops it, with what it did kept", async () => {
  work();
  const turn = await stage.say("brief", "Write the total and run it.");
  expect(turn).toMatchObject({ status: "error", error: { code: "budget_exceeded" } });
  expect(turn.executions.map(({ status }) => status)).toEqual(["error"]);
  expect(turn.text).not.toContain("The total is 6.");
});

test("wrong arguments and unknown tools are the model's to mend", async () => {
  const wrong = [
    { name: "execute_code", input: { language: "cobol", code: 1 } },
    { name: "format_disk", input: {} },
    { name: "read_file", input: { path: "../../etc/passwd" } },
  ];
  stage.model.reply(({ body }) => {
    const results = body.messages.filter(({ role }: { role: string }) => role === "tool").length;
    return results === 0 ? { toolCalls: wrong } : { text: "I see." };
  });
  const turn = await stage.say("agent", "Do something silly.");
  expect(turn).toMatchObject({ status: "completed", text: "I see.", executions: [] });
  const told = stage.model.asked.at(-1)?.body.messages.filter(({ role }: { role: string }) => role === "tool");
  expect(told).toHaveLength(3);
  expect(JSON.stringify(told)).not.toContain("root:");
  expect(JSON.stringify(told)).toMatch(/format_disk/);
});
