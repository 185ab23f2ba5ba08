import { expect, test } from "vitest";
import { type Approval, type Conversation, newId } from "../../packages/glovebox/src/core/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

const AT = "2026-11-20T10:00:00.000Z";
const LATER = "2026-11-21T10:00:00.000Z";

function aConversation(change: Partial<Conversation> = {}): Conversation {
  const base = { id: newId(), tenantId: TENANT, assistant: "helper", title: "é'", turns: 0 };
  return { ...base, createdAt: AT, updatedAt: AT, ...change };
}

function anApproval(conversationId: string, change: Partial<Approval> = {}): Approval {
  return {
    id: newId(),
    tenantId: TENANT,
    runId: newId(),
    conversationId,
    prompt: "may it?",
    status: "pending",
    createdAt: AT,
    expiresAt: LATER,
    ...change,
  };
}

const said = (text: string) => [{ role: "user", text }] as const;

export function conversationConformance(make: MakeSubject): void {
  test("conversations are kept, listed newest first and by assistant, each tenant's apart", async () => {
    await using subject = await make();
    const [one, two] = [aConversation(), aConversation({ assistant: "other", forkedFrom: newId() })];
    {
      await using store = await subject.open();
      await store.conversations.create(one);
      await store.conversations.create(two, [{ runId: "r1", messages: said("before") }]);
      await expect(store.conversations.create(one)).rejects.toMatchObject({ code: "already_exists" });
    }
    await using store = await subject.open();
    expect(await store.conversations.get(TENANT, one.id)).toEqual(one);
    expect(await store.conversations.get(OTHER_TENANT, one.id)).toBeUndefined();
    expect((await store.conversations.list(TENANT)).items).toEqual([two, one]);
    expect((await store.conversations.list(TENANT, { assistant: "helper" })).items).toEqual([one]);
    expect((await store.conversations.list(OTHER_TENANT)).items).toEqual([]);
    const page = await store.conversations.list(TENANT, { limit: 1 });
    const cursor = page.nextCursor ?? "";
    expect((await store.conversations.list(TENANT, { limit: 1, cursor })).items).toEqual([one]);
    expect(await store.conversations.turns(TENANT, two.id)).toEqual([{ runId: "r1", messages: said("before") }]);
    expect(await store.conversations.turns(OTHER_TENANT, two.id)).toEqual([]);
  });

  test("turns come one after the other, each once", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const { id } = aConversation();
    await store.conversations.create(aConversation({ id }));
    const [first, second] = [
      { runId: newId(), messages: said("one") },
      { runId: newId(), messages: said("two") },
    ];
    await store.conversations.beginTurn(TENANT, id, first.runId, LATER);
    await store.conversations.beginTurn(TENANT, id, first.runId, LATER);
    expect(await store.conversations.get(TENANT, id)).toMatchObject({ currentRunId: first.runId, updatedAt: LATER });
    const early = store.conversations.beginTurn(TENANT, id, second.runId, LATER);
    await expect(early).rejects.toMatchObject({ code: "conflict" });
    await expect(store.conversations.delete(TENANT, id)).rejects.toMatchObject({ code: "conflict" });
    expect(await store.conversations.endTurn(OTHER_TENANT, id, first, LATER)).toBe(false);
    expect(await store.conversations.endTurn(TENANT, id, first, LATER)).toBe(true);
    await store.conversations.beginTurn(TENANT, id, second.runId, LATER);
    // The first one ends again, as after a crash: nothing doubles, and the second goes on.
    expect(await store.conversations.endTurn(TENANT, id, first, LATER)).toBe(true);
    expect(await store.conversations.get(TENANT, id)).toMatchObject({ currentRunId: second.runId, turns: 1 });
    await store.conversations.endTurn(TENANT, id, second, LATER);
    const ended = await store.conversations.get(TENANT, id);
    expect(ended).toMatchObject({ turns: 2, updatedAt: LATER });
    expect(ended).not.toHaveProperty("currentRunId");
    expect(await store.conversations.turns(TENANT, id)).toEqual([first, second]);
    const gone = store.conversations.beginTurn(TENANT, newId(), newId(), LATER);
    await expect(gone).rejects.toMatchObject({ code: "not_found" });
  });

  test("a conversation's session is noted and forgotten; what is deleted goes with all that was said and asked", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [one, other] = [aConversation(), aConversation()];
    await store.conversations.create(one, [{ runId: "r", messages: said("x") }]);
    await store.conversations.create(other, [{ runId: "r", messages: said("y") }]);
    const [mine, theirs] = [anApproval(one.id), anApproval(other.id)];
    await store.approvals.create(mine);
    await store.approvals.create(theirs);
    expect(await store.conversations.update(TENANT, one.id, { sessionId: "s" })).toBe(true);
    expect(await store.conversations.get(TENANT, one.id)).toMatchObject({ sessionId: "s" });
    await store.conversations.update(TENANT, one.id, { sessionId: undefined });
    expect(await store.conversations.get(TENANT, one.id)).not.toHaveProperty("sessionId");
    expect(await store.conversations.update(OTHER_TENANT, one.id, { sessionId: "s" })).toBe(false);
    expect(await store.conversations.delete(OTHER_TENANT, one.id)).toBe(false);
    expect(await store.conversations.delete(TENANT, one.id)).toBe(true);
    expect(await store.conversations.delete(TENANT, one.id)).toBe(false);
    expect(await store.conversations.turns(TENANT, one.id)).toEqual([]);
    expect(await store.approvals.get(TENANT, mine.id)).toBeUndefined();
    expect(await store.conversations.turns(TENANT, other.id)).toHaveLength(1);
    expect(await store.approvals.get(TENANT, theirs.id)).toEqual(theirs);
  });

  test("an approval is decided once", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [one, two] = [anApproval("c1", { language: "python", code: "1" }), anApproval("c2")];
    await store.approvals.create(one);
    await store.approvals.create(two);
    expect(await store.approvals.decide(OTHER_TENANT, one.id, { status: "approved", at: LATER })).toBe(false);
    const decision = { status: "approved", at: LATER, reason: "fine", by: "root" } as const;
    expect(await store.approvals.decide(TENANT, one.id, decision)).toBe(true);
    expect(await store.approvals.decide(TENANT, one.id, { status: "refused", at: LATER })).toBe(false);
    // Asked again after a crash: what was decided stays.
    await store.approvals.create(one);
    const decided = { ...one, status: "approved", decidedAt: LATER, reason: "fine", decidedBy: "root" };
    expect(await store.approvals.get(TENANT, one.id)).toEqual(decided);
    expect((await store.approvals.list(TENANT)).items).toEqual([two, decided]);
    expect((await store.approvals.list(TENANT, { status: "pending" })).items).toEqual([two]);
    expect((await store.approvals.list(TENANT, { conversationId: "c1" })).items).toEqual([decided]);
    expect((await store.approvals.list(OTHER_TENANT)).items).toEqual([]);
  });
}
