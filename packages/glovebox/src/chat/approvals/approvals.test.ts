import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../core/index.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { TurnEvent } from "../services.ts";
import { type ChatStage, openChatStage, says, until } from "../testing/chat-stage.ts";

const ASKING = says("import subprocess\nprint(subprocess.run(['echo', 'hi'], capture_output=True).returncode)");

describe("approvals", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());

  const pending = async (runId: string) =>
    (await at.chat.approvals.list(TENANT, { status: "pending" })).items.find((one) => one.runId === runId);
  /** A turn that waits for a person, and the question. */
  const waiting = async () => {
    at.model.reply({ text: ASKING });
    const runId = await at.start(at.assistant(), "run it");
    await until(async () => (await at.engine.get(TENANT, runId)).waitingFor?.includes("approval") === true);
    const approval = await pending(runId);
    if (approval === undefined) throw new Error("nobody is asked");
    return { runId, approval };
  };
  const decide = (id: string, decision: "approve" | "refuse", reason?: string) =>
    at.chat.approvals.decide(TENANT, id, { decision, by: "ann", ...(reason !== undefined && { reason }) });

  it("let code run, once", async () => {
    const { runId, approval } = await waiting();
    expect(approval).toMatchObject({ language: "python", prompt: /python\.subprocess/, status: "pending" });
    const decided = await decide(approval.id, "approve", "looks fine");
    expect(decided).toMatchObject({ status: "approved", decidedBy: "ann", reason: "looks fine" });
    expect(await decide(approval.id, "approve")).toEqual(decided);
    await expect(decide(approval.id, "refuse")).rejects.toMatchObject({ code: "conflict" });
    const result = await at.result(runId);
    expect(result).toMatchObject({
      blocks: [{ decision: "executed", approvalId: approval.id, reason: "approved by ann: looks fine" }],
      executions: [{ status: "ok", stdout: "0\n" }],
    });
    expect(await at.engine.replay(TENANT, runId)).toMatchObject({ identical: true });
    expect((await at.chat.approvals.list(TENANT)).items).toHaveLength(1);
  });

  it("refuse it, with the reason", async () => {
    const { runId, approval } = await waiting();
    await decide(approval.id, "refuse", "not today");
    expect(await at.result(runId)).toMatchObject({
      status: "completed",
      blocks: [{ decision: "refused", reason: "refused by ann: not today" }],
      executions: [],
    });
  });

  it("expire to a refusal; who decides then is too late", async () => {
    at.model.reply({ text: ASKING });
    const assistant = at.assistant({ execution: { enabled: true }, approvalTimeoutMs: 400 });
    const result = await at.ask(assistant, "run it");
    expect(result).toMatchObject({ blocks: [{ decision: "refused", reason: /expired/ }] });
    const id = result.blocks[0]?.approvalId ?? "";
    expect(await at.chat.approvals.get(TENANT, id)).toMatchObject({ status: "expired" });
    await expect(decide(id, "approve")).rejects.toMatchObject({ code: "conflict" });
  });

  it("survive the end of the server: the next one waits on, and resumes", async () => {
    const { runId, approval } = await waiting();
    await at.reopen();
    const asked = at.model.asked.length;
    expect(await at.chat.approvals.get(TENANT, approval.id)).toMatchObject({ status: "pending" });
    const events: TurnEvent[] = [];
    const following = (async () => {
      for await (const event of at.chat.turns.follow(TENANT, runId)) events.push(event);
    })();
    await until(() => events.some(({ type }) => type === "approval"));
    await decide(approval.id, "approve");
    await following;
    expect(events.at(-1)).toMatchObject({ type: "completed", result: { executions: [{ status: "ok" }] } });
    expect(events.filter(({ type }) => type === "approval")).toHaveLength(1);
    expect(at.model.asked.length).toBe(asked);
  });

  it("that were decided when the server ended just then reach the run with the next one", async () => {
    const { runId, approval } = await waiting();
    await at.engine.close();
    const at0 = new Date().toISOString();
    await at.stage.store.approvals.decide(TENANT, approval.id, { status: "approved", at: at0, by: "bob" });
    await at.reopen();
    expect(await at.result(runId)).toMatchObject({ blocks: [{ decision: "executed", reason: "approved by bob" }] });
  });

  it("are decided by what is stored, not by a signal that anybody sends", async () => {
    const { runId, approval } = await waiting();
    await at.engine.signal(TENANT, runId, `approval ${approval.id}`, { decision: "approve" });
    await until(async () => {
      const types: string[] = [];
      for await (const { type, step } of at.engine.journal(TENANT, runId)) types.push(`${type} ${step}`);
      return types.some((one) => /^signal.waiting approval .*#2$/.test(one));
    });
    await decide(approval.id, "refuse");
    expect(await at.result(runId)).toMatchObject({ blocks: [{ decision: "refused" }] });
  });

  it("are withdrawn when the turn is cancelled, and belong to their tenant", async () => {
    const { runId, approval } = await waiting();
    await expect(at.chat.approvals.get("other", approval.id)).rejects.toMatchObject({ code: "not_found" });
    await at.engine.cancel(TENANT, runId, "enough");
    expect(await at.result(runId)).toMatchObject({ status: "cancelled", text: ASKING });
    await until(async () => (await at.stage.store.approvals.get(TENANT, approval.id))?.status === "withdrawn");
    await expect(decide(approval.id, "approve")).rejects.toMatchObject({ code: "conflict" });
    await expect(decide(newId(), "approve")).rejects.toMatchObject({ code: "not_found" });
  });
});
