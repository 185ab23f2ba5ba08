import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "../../core/index.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import { type AssistantDraft, type ChatStage, openChatStage, says, until } from "../testing/chat-stage.ts";

describe("conversations", { timeout: 120_000 }, () => {
  let at: ChatStage;
  beforeAll(async () => {
    at = await openChatStage();
  });
  afterAll(() => at[Symbol.asyncDispose]());
  const executing = (execution: AssistantDraft["execution"] = {}) =>
    at.assistant({ execution: { enabled: true, ...execution } });
  const ask = async (assistant: string, code: string, conversationId?: string, language?: string) => {
    at.model.reply({ text: says(code, language) });
    return at.ask(assistant, "run it", conversationId === undefined ? {} : { conversationId });
  };
  const write = (name: string, text: string) => `open('${name}', 'w').write('${text}'); None`;

  it("are listed and read, each by its tenant", async () => {
    const assistant = executing();
    at.model.reply({ text: "fine" });
    const { conversationId } = await at.ask(assistant, `  What is\n this? ${"x".repeat(200)}`);
    const found = (await at.chat.conversations.list(TENANT, { assistant })).items;
    expect(found).toMatchObject([{ id: conversationId, assistant, turns: 1, title: /^What is this\? x{60,67}$/ }]);
    await expect(at.chat.conversations.get("other", conversationId)).rejects.toMatchObject({ code: "not_found" });
    await expect(at.ask(executing(), "hi", { conversationId })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(at.ask(assistant, "hi", { conversationId: newId() })).rejects.toMatchObject({ code: "not_found" });
  });

  it("tell what ran in them, by language, outcome and time, page by page", async () => {
    const assistant = executing();
    const { conversationId } = await ask(assistant, "print(1)");
    await ask(assistant, "exit 3", conversationId, "bash");
    const third = await ask(assistant, "1 / 0", conversationId);
    const all = async (page = {}) => (await at.chat.conversations.executions(TENANT, conversationId, page)).items;
    expect((await all()).map(({ language, status }) => `${language} ${status}`)).toEqual([
      "python error",
      "bash error",
      "python ok",
    ]);
    expect(await all({ language: "bash" })).toHaveLength(1);
    expect(await all({ outcome: "ok" })).toHaveLength(1);
    expect(await all({ outcome: "failed" })).toHaveLength(2);
    const last = (await all())[0];
    expect(last?.id).toBe(third.executions[0]?.id);
    expect(await all({ since: last?.createdAt })).toHaveLength(1);
    // A session that is over: the next turn works in a new one, and what ran in the old one stays to be found.
    const { sessionId } = await at.chat.conversations.get(TENANT, conversationId);
    await at.stage.services.sessions.close(TENANT, sessionId ?? "");
    const again = await ask(assistant, "print(2)", conversationId);
    expect(again.blocks).toMatchObject([{ notes: [{ code: "session.lost" }] }]);
    const pages: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await at.chat.conversations.executions(TENANT, conversationId, {
        limit: 1,
        ...(cursor !== undefined && { cursor }),
      });
      pages.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(pages).toEqual((await all()).map(({ id }) => id));
    expect(new Set(pages).size).toBe(4);
    await expect(all({ cursor: "nonsense" })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("are forked with their session: each goes its own way", async () => {
    const assistant = executing();
    const { conversationId } = await ask(assistant, write("a", "parent"));
    const fork = await at.chat.conversations.fork(TENANT, conversationId);
    expect(fork).toMatchObject({ forkedFrom: conversationId, turns: 1, assistant });
    await ask(assistant, write("a", "child"), fork.id);
    expect((await ask(assistant, "print(open('a').read())", conversationId)).executions).toMatchObject([
      { stdout: "parent\n" },
    ]);
    expect((await ask(assistant, "print(open('a').read())", fork.id)).executions).toMatchObject([
      { stdout: "child\n" },
    ]);
    const [parent, child] = await Promise.all(
      [conversationId, fork.id].map((id) => at.chat.conversations.get(TENANT, id)),
    );
    expect(parent?.messages[0]).toEqual(child?.messages[0]);
    expect(parent?.sessionId).not.toBe(child?.sessionId);
    const [ofParent, ofChild] = await Promise.all(
      [conversationId, fork.id].map((id) => at.chat.conversations.executions(TENANT, id)),
    );
    expect([ofParent?.items.length, ofChild?.items.length]).toEqual([2, 2]);
  });

  it("are deleted with their session", async () => {
    const { conversationId } = await ask(executing(), "print(1)");
    const { sessionId = "" } = await at.chat.conversations.get(TENANT, conversationId);
    await at.chat.conversations.delete(TENANT, conversationId);
    await expect(at.chat.conversations.get(TENANT, conversationId)).rejects.toMatchObject({ code: "not_found" });
    expect(await at.stage.services.sessions.get(TENANT, sessionId)).toMatchObject({ status: "closed" });
    await expect(at.chat.conversations.delete(TENANT, conversationId)).rejects.toMatchObject({ code: "not_found" });
  });

  it("go back to the last good state when code fails, if the assistant says so", async () => {
    const spoil = "import os\nos.remove('a')\nopen('b', 'w').write('bad')\nraise SystemError('no')";
    const look = "import os\nprint(sorted(os.listdir('.')))";
    const outcomes: Record<string, string> = {};
    const ways = {
      nothing: {},
      "only that": { snapshots: { rollbackOnFailure: true } },
      "before each": { snapshots: { auto: "before_execution", rollbackOnFailure: true } },
      "after success": { snapshots: { auto: "after_success", rollbackOnFailure: true } },
    } as const;
    for (const [name, way] of Object.entries(ways)) {
      const assistant = executing({ ...way, rules: { "python.delete-root": "off" } });
      const { conversationId } = await ask(assistant, write("a", "good"));
      const failed = await ask(assistant, spoil, conversationId);
      const [listed] = (await ask(assistant, look, conversationId)).executions;
      outcomes[name] = `${failed.executions[0]?.status} ${failed.executions[0]?.rolledBack} ${listed?.stdout.trim()}`;
    }
    expect(outcomes).toEqual({
      nothing: "error false ['b']",
      "only that": "error true ['a']",
      "before each": "error true ['a']",
      "after success": "error true ['a']",
    });
  });

  it("keep snapshots when the assistant says so, and not too many", async () => {
    const names = async (conversationId: string) => {
      const { sessionId = "" } = await at.chat.conversations.get(TENANT, conversationId);
      return (await at.stage.services.snapshots.list(TENANT, sessionId)).items.map(({ name }) => name);
    };
    for (const auto of ["before_execution", "after_success"] as const) {
      const assistant = executing({ snapshots: { auto } });
      const { conversationId } = await ask(assistant, "print(1)");
      expect(await names(conversationId)).toEqual(["chat: known good"]);
      at.model.reply({ text: Array.from({ length: 6 }, (_, n) => says(`print(${n})`)).join("\n") });
      await at.ask(assistant, "run them all", { conversationId });
      expect(await names(conversationId)).toHaveLength(5);
    }
    const never = await ask(executing(), "print(1)");
    expect(await names(never.conversationId)).toEqual([]);
  });

  it("go on from their last snapshot when their session is over", async () => {
    const assistant = executing({ snapshots: { auto: "after_success" } });
    const { conversationId } = await ask(assistant, write("a", "kept"));
    const { sessionId = "" } = await at.chat.conversations.get(TENANT, conversationId);
    await at.stage.services.sessions.close(TENANT, sessionId);
    const next = await ask(assistant, "print(open('a').read())", conversationId);
    expect(next).toMatchObject({
      executions: [{ stdout: "kept\n" }],
      blocks: [{ notes: [{ code: "session.restored" }] }],
    });
    expect((await at.chat.conversations.executions(TENANT, conversationId)).items).toHaveLength(2);
  });

  it("are let go of when a crash kept their turn's end from being told", async () => {
    const { conversationId, runId, assistant } = await ask(executing(), "print(1)");
    await at.stage.store.conversations.update(TENANT, conversationId, { currentRunId: runId });
    expect((await at.chat.conversations.get(TENANT, conversationId)).currentRunId).toBeUndefined();
    await at.stage.store.conversations.update(TENANT, conversationId, { currentRunId: newId() });
    expect((await ask(assistant, "print(2)", conversationId)).status).toBe("completed");
    await until(async () => (await at.chat.conversations.get(TENANT, conversationId)).turns === 2);
  });
});
