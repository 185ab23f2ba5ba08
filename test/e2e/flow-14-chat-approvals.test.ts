import { expect, test } from "vitest";
import { answerWith, eventsUntil, useChat } from "../support/chat.ts";

const HOOKS = `
const allow = { decision: "allow" };
export default [
  {
    name: "doubles",
    point: "pre_execution",
    run: ({ language, code }) =>
      code.includes("one") ? { decision: "modify", value: { language, code: code.replaceAll("one", "two") } } : allow,
  },
  {
    name: "no-two",
    point: "pre_execution",
    run: ({ code }) => (code.includes("two") ? { decision: "block", reason: "two is one too many" } : allow),
  },
  {
    name: "asks",
    point: "pre_execution",
    run: ({ code }) => (code.includes("ask") ? { decision: "ask", prompt: "May this run?" } : allow),
  },
];
`;

const stage = useChat({
  files: { "hooks.mjs": HOOKS },
  assistants: {
    guarded: { execution: { enabled: true }, hooks: [{ module: "{folder}/hooks.mjs" }] },
    hasty: { execution: { enabled: true }, hooks: [{ module: "{folder}/hooks.mjs" }], approvalTimeoutMs: 300 },
    unsure: { execution: { enabled: true, autoExecuteThreshold: 1, askThreshold: 0 } },
  },
});

/** Starts a turn that waits for a person. */
async function asking(assistant: string, code: string) {
  stage.model.reply({ text: answerWith(code) });
  const input = { assistant, messages: [{ role: "user", text: "Run it." }] } as const;
  const events = await eventsUntil(stage.box.chat.stream(input), "approval");
  const [started, asked] = [events[0], events.at(-1)];
  if (started?.type !== "started" || asked?.type !== "approval") throw new Error("it asks");
  return { runId: started.runId, approval: asked.approval };
}

test("flow 5: what a hook changes, a later one sees, and its block holds", async () => {
  stage.model.reply({ text: answerWith("print('one')") });
  const turn = await stage.say("guarded", "Run it.");
  expect(turn).toMatchObject({
    blocks: [{ decision: "blocked", reason: expect.stringContaining("two is one too many") }],
  });
  expect(turn.executions).toEqual([]);
  expect(turn.decisions).toMatchObject([
    { hook: "doubles", decision: "modify" },
    { hook: "no-two", decision: "block" },
  ]);
  stage.model.reply({ text: answerWith("print('three')") });
  expect(await stage.say("guarded", "Run it.")).toMatchObject({ executions: [{ stdout: "three\n" }] });
});

test("flow 5: a question waits, survives the server, and the turn goes on when it is answered", {
  retry: 0,
}, async () => {
  const { runId, approval } = await asking("guarded", "print('asked')");
  expect(approval).toMatchObject({ status: "pending", prompt: expect.stringContaining("May this run?"), runId });
  expect(approval.code).toContain("print('asked')");
  const askedBefore = stage.model.asked.length;
  await stage.restart();
  const { items } = await stage.box.approvals.list({ status: "pending", conversationId: approval.conversationId });
  expect(items).toMatchObject([{ id: approval.id, prompt: approval.prompt }]);
  const answer = await stage.http.post<{ status: string }>(`/v1/approvals/${approval.id}`, {
    decision: "approve",
    reason: "it is harmless",
  });
  expect([answer.status, answer.body]).toMatchObject([
    200,
    { status: "approved", decidedBy: "tester", reason: "it is harmless" },
  ]);
  const turn = await stage.box.chat.result(runId);
  expect(turn).toMatchObject({
    status: "completed",
    blocks: [{ decision: "executed", approvalId: approval.id }],
    executions: [{ stdout: "asked\n" }],
  });
  // The model answered before the server died: it is not asked again.
  expect(stage.model.asked).toHaveLength(askedBefore);
  // The same again changes nothing; another answer comes too late.
  expect(await stage.box.approvals.decide(approval.id, "approve")).toMatchObject({ status: "approved" });
  await expect(stage.box.approvals.decide(approval.id, "refuse")).rejects.toMatchObject({ code: "conflict" });
});

test("a refusal ends it without running anything, with its reason", async () => {
  const { runId, approval } = await asking("guarded", "print('ask')");
  await stage.box.approvals.decide(approval.id, "refuse", { reason: "not today" });
  const turn = await stage.box.chat.result(runId);
  expect(turn).toMatchObject({ status: "completed", blocks: [{ decision: "refused" }], executions: [] });
  expect(turn.blocks[0]?.reason).toContain("not today");
});

test("nobody's answer is a refusal in the end", async () => {
  const { runId, approval } = await asking("hasty", "print('ask')");
  expect(await stage.box.chat.result(runId)).toMatchObject({ blocks: [{ decision: "refused" }], executions: [] });
  expect(await stage.box.approvals.get(approval.id)).toMatchObject({ status: "expired" });
  await expect(stage.box.approvals.decide(approval.id, "approve")).rejects.toMatchObject({ code: "conflict" });
});

test("what an assistant is not sure of is asked; a turn that is cancelled asks no more", async () => {
  const { runId, approval } = await asking("unsure", "print('sure?')");
  await stage.box.runs.cancel(runId);
  expect(await stage.box.chat.result(runId)).toMatchObject({ status: "cancelled", executions: [] });
  await expect
    .poll(async () => (await stage.box.approvals.get(approval.id)).status, { timeout: 30_000 })
    .toBe("withdrawn");
  await expect(stage.box.approvals.decide(approval.id, "approve")).rejects.toMatchObject({ code: "conflict" });
});

test("an agent's token sees questions but does not answer them", async () => {
  const { runId, approval } = await asking("guarded", "print('ask')");
  const secret = (await stage.box.tokens.create({ name: "agent", roles: ["agent"] })).secret;
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const url = `${stage.server.url}/v1/approvals/${approval.id}`;
  expect((await fetch(url, { headers })).status).toBe(200);
  const refused = await fetch(url, { method: "POST", headers, body: JSON.stringify({ decision: "approve" }) });
  expect(refused.status).toBe(403);
  await stage.box.approvals.decide(approval.id, "refuse");
  expect(await stage.box.chat.result(runId)).toMatchObject({ blocks: [{ decision: "refused" }] });
});
