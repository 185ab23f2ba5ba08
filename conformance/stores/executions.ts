import { expect, test } from "vitest";
import { anExecution, aSession, INTERNALS, OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

export function executionConformance(make: MakeSubject): void {
  test("an execution reads back unchanged, belongs to a session of its tenant, and is found by its tenant only", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const execution = anExecution(session.id, { argv: ["a", "é\n\u0001"], env: { X: "y" } });
    expect(await store.executions.create(execution)).toEqual(execution);
    expect(await store.executions.get(TENANT, execution.id)).toEqual(execution);
    expect(await store.executions.get(OTHER_TENANT, execution.id)).toBeUndefined();
    await expect(store.executions.create(execution)).rejects.toMatchObject({ code: "already_exists" });
    await expect(store.executions.create(anExecution(session.id, { tenantId: OTHER_TENANT }))).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(store.executions.create(anExecution(aSession().id))).rejects.toMatchObject({ code: "not_found" });
    await expect(store.executions.create(anExecution(session.id, { id: "" }))).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("an idempotency key gives the first execution for the same request and a conflict for another", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [session, other] = [aSession(), aSession()];
    for (const item of [session, other]) await store.sessions.create(item, INTERNALS);
    const again = () => anExecution(session.id, { idempotencyKey: "once" });
    const created = await Promise.all(Array.from({ length: 6 }, () => store.executions.create(again(), "hash")));
    expect(new Set(created.map(({ id }) => id)).size).toBe(1);
    await expect(store.executions.create(again(), "other")).rejects.toMatchObject({ code: "conflict" });
    const elsewhere = anExecution(other.id, { idempotencyKey: "once" });
    expect((await store.executions.create(elsewhere, "hash")).id).toBe(elsewhere.id);
    expect((await store.executions.list(TENANT, { sessionId: session.id })).items).toHaveLength(1);
  });

  test("a final execution never changes again", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const execution = anExecution(session.id);
    await store.executions.create(execution);
    const running = await store.executions.update(TENANT, execution.id, { status: "running" });
    expect(running).toEqual({ ...execution, status: "running" });
    expect(await store.executions.update(OTHER_TENANT, execution.id, { status: "lost" })).toBeUndefined();
    const result = { type: "int", preview: "42", json: { deep: [42, null] } };
    const outcomes = await Promise.all([
      store.executions.update(TENANT, execution.id, { status: "ok", exitCode: 0, result }),
      store.executions.update(TENANT, execution.id, { status: "cancelled" }),
    ]);
    expect(outcomes[0]).toMatchObject({ status: "ok", exitCode: 0, result });
    expect(outcomes[1]).toBeUndefined();
    expect(await store.executions.get(TENANT, execution.id)).toEqual(outcomes[0]);
  });

  test("the list filters by session, kind, status, language and time", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [session, other] = [aSession(), aSession()];
    for (const item of [session, other]) await store.sessions.create(item, INTERNALS);
    const made = [
      anExecution(session.id, { createdAt: "2026-11-20T10:00:00.000Z", status: "ok" }),
      anExecution(session.id, { createdAt: "2026-11-20T11:00:00.000Z", kind: "command", language: "bash" }),
      anExecution(other.id, { createdAt: "2026-11-20T12:00:00.000Z", kind: "startup" }),
    ];
    for (const execution of made) await store.executions.create(execution);
    const find = async (filter: Parameters<typeof store.executions.list>[1]) =>
      (await store.executions.list(TENANT, filter)).items.map(({ id }) => made.findIndex((one) => one.id === id));
    expect(await find({})).toEqual([2, 1, 0]);
    expect(await find({ sessionId: session.id })).toEqual([1, 0]);
    expect(await find({ kind: ["startup", "command"] })).toEqual([2, 1]);
    expect(await find({ status: ["ok"] })).toEqual([0]);
    expect(await find({ language: "bash" })).toEqual([1]);
    expect(await find({ since: "2026-11-20T11:00:00Z" })).toEqual([2, 1]);
    expect(await find({ until: "2026-11-20T12:00:00+01:00" })).toEqual([0]);
    await expect(store.executions.list(TENANT, { since: "yesterday" })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    expect(await store.executions.list(OTHER_TENANT)).toEqual({ items: [] });
    expect(await store.executions.countByStatus(TENANT)).toEqual({ ok: 1, queued: 2 });
  });

  test("what is not final is found, oldest first, by session and for everyone", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    const foreign = aSession({ tenantId: OTHER_TENANT });
    for (const item of [session, foreign]) await store.sessions.create(item, INTERNALS);
    const made = [
      anExecution(session.id),
      anExecution(session.id, { status: "running" }),
      anExecution(session.id, { status: "lost" }),
      anExecution(foreign.id, { tenantId: OTHER_TENANT }),
    ];
    for (const execution of made) await store.executions.create(execution);
    expect(await store.executions.unfinished(session.id)).toEqual([made[0], made[1]]);
    expect(await store.executions.allUnfinished()).toEqual([made[0], made[1], made[3]]);
  });
}
