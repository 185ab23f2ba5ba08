import { expect, test } from "vitest";
import { anExecution, aSession, aStream, INTERNALS, lines, OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

export function sessionConformance(make: MakeSubject): void {
  test("several are made in one write: all of them or none", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const pair = () => [aSession(), aSession()].map((session) => ({ session, internals: INTERNALS }));
    const [first, second] = [pair(), pair()];
    await store.sessions.createAll(first, { maxLive: 3 });
    const tooMany = store.sessions.createAll(second, { maxLive: 3 });
    await expect(tooMany).rejects.toMatchObject({ code: "resource_exhausted" });
    const again = store.sessions.createAll([...second, ...first]);
    await expect(again).rejects.toMatchObject({ code: "already_exists" });
    const kept = (await store.sessions.list(TENANT)).items.map(({ id }) => id);
    expect(kept.toSorted()).toEqual(first.map(({ session }) => session.id).toSorted());
    expect(await store.sessions.internals(kept[0] ?? "")).toEqual(INTERNALS);
  });

  test("a session reads back unchanged, to its tenant only", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession({ metadata: { 'a"b': "1", "é.$[0]": "2" }, lastError: { code: "oom", message: "x" } });
    await store.sessions.create(session, INTERNALS);
    expect(await store.sessions.get(TENANT, session.id)).toEqual(session);
    expect(await store.sessions.get(OTHER_TENANT, session.id)).toBeUndefined();
    expect(await store.sessions.internals(session.id)).toEqual(INTERNALS);
    expect(await store.sessions.internals(aSession().id)).toBeUndefined();
    await expect(store.sessions.create(session, INTERNALS)).rejects.toMatchObject({ code: "already_exists" });
    await expect(store.sessions.create(aSession({ id: "1" }), INTERNALS)).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("a key is unique among a tenant's open sessions, and free again when its session closes", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const first = aSession({ key: "k", status: "starting" });
    await store.sessions.create(first, INTERNALS);
    await expect(store.sessions.create(aSession({ key: "k" }), INTERNALS)).rejects.toMatchObject({ code: "conflict" });
    await store.sessions.create(aSession({ key: "k", tenantId: OTHER_TENANT }), INTERNALS);
    expect((await store.sessions.openByKey(TENANT, "k"))?.id).toBe(first.id);
    await store.sessions.update(TENANT, first.id, { status: "closing" });
    expect(await store.sessions.openByKey(TENANT, "k")).toBeUndefined();
    const second = aSession({ key: "k" });
    await store.sessions.create(second, INTERNALS);
    await expect(store.sessions.update(TENANT, first.id, { status: "ready" })).rejects.toMatchObject({
      code: "conflict",
    });
    expect((await store.sessions.openByKey(TENANT, "k"))?.id).toBe(second.id);
  });

  test("of sessions created at once with one key exactly one succeeds, and the quota holds exactly", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const keyed = await Promise.allSettled(
      Array.from({ length: 10 }, () => store.sessions.create(aSession({ key: "same" }), INTERNALS)),
    );
    expect(keyed.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const limited = await Promise.allSettled(
      Array.from({ length: 10 }, () => store.sessions.create(aSession(), INTERNALS, { maxLive: 4 })),
    );
    expect(limited.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    for (const outcome of limited) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "resource_exhausted" });
    }
    await store.sessions.create(aSession({ tenantId: OTHER_TENANT }), INTERNALS, { maxLive: 1 });
    await expect(store.sessions.create(aSession(), INTERNALS, { maxLive: 0 })).rejects.toMatchObject({
      code: "resource_exhausted",
    });
  });

  test("an update replaces whole fields, removes undefined ones, leaves the others, and obeys `from`", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession({ metadata: { a: "1" }, closedBy: "me" });
    await store.sessions.create(session, INTERNALS);
    const changed = await store.sessions.update(
      TENANT,
      session.id,
      { status: "paused", metadata: { b: "2" }, closedBy: undefined },
      { from: ["ready"], internals: { sandboxRecord: [2] } },
    );
    const { closedBy: _, ...rest } = session;
    expect(changed).toEqual({ ...rest, status: "paused", metadata: { b: "2" } });
    expect(await store.sessions.get(TENANT, session.id)).toEqual(changed);
    expect(await store.sessions.internals(session.id)).toEqual({ ...INTERNALS, sandboxRecord: [2] });
    expect(await store.sessions.update(TENANT, session.id, { status: "closed" }, { from: ["ready"] })).toBeUndefined();
    expect(await store.sessions.update(OTHER_TENANT, session.id, { status: "closed" })).toBeUndefined();
    expect((await store.sessions.get(TENANT, session.id))?.status).toBe("paused");
    // Two changes of different fields at once: neither is lost.
    await Promise.all([
      store.sessions.update(TENANT, session.id, { lastActivityAt: "2026-11-20T11:00:00.000Z" }),
      store.sessions.update(TENANT, session.id, { readyAt: "2026-11-20T12:00:00.000Z" }),
    ]);
    expect(await store.sessions.get(TENANT, session.id)).toMatchObject({
      lastActivityAt: "2026-11-20T11:00:00.000Z",
      readyAt: "2026-11-20T12:00:00.000Z",
    });
  });

  test("of two changes from the same state exactly one happens", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const session = aSession();
    await store.sessions.create(session, INTERNALS);
    const outcomes = await Promise.all([
      store.sessions.update(TENANT, session.id, { status: "closing" }, { from: ["ready"] }),
      store.sessions.update(TENANT, session.id, { status: "paused" }, { from: ["ready"] }),
    ]);
    expect(outcomes.filter((outcome) => outcome !== undefined)).toHaveLength(1);
  });

  test("the list filters by status, template, key and metadata, and pages without loss while sessions come", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const sessions = Array.from({ length: 5 }, (_, i) =>
      aSession({ key: `k${i}`, status: i < 2 ? "closed" : "ready", metadata: { n: String(i), 'q"': "x" } }),
    );
    for (const session of sessions) await store.sessions.create(session, INTERNALS);
    const ids = async (filter: Parameters<typeof store.sessions.list>[1]) =>
      (await store.sessions.list(TENANT, filter)).items.map(({ id }) => id);
    const at = (...indexes: number[]) => indexes.map((i) => sessions[i]?.id);
    expect(await ids({ status: ["closed"] })).toEqual(at(1, 0));
    expect(await ids({ status: ["closed", "ready"], limit: 2 })).toEqual(at(4, 3));
    expect(await ids({ status: [] })).toEqual([]);
    expect(await ids({ templateId: sessions[2]?.templateId ?? "" })).toEqual(at(2));
    expect(await ids({ key: "k3" })).toEqual(at(3));
    expect(await ids({ metadata: { n: "1", 'q"': "x" } })).toEqual(at(1));
    expect(await ids({ metadata: { n: "1", 'q"': "y" } })).toEqual([]);
    const first = await store.sessions.list(TENANT, { limit: 3 });
    await store.sessions.create(aSession(), INTERNALS);
    const second = await store.sessions.list(TENANT, { limit: 3, cursor: first.nextCursor ?? "" });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(at(4, 3, 2, 1, 0));
    expect(second.nextCursor).toBeUndefined();
    expect(await store.sessions.countByStatus(TENANT)).toEqual({ closed: 2, ready: 4 });
    expect(await store.sessions.countByStatus(OTHER_TENANT)).toEqual({});
  });

  test("live sessions of every tenant are found", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const live = [aSession({ status: "closing" }), aSession({ tenantId: OTHER_TENANT })];
    for (const session of [...live, aSession({ status: "crashed" })]) await store.sessions.create(session, INTERNALS);
    expect((await store.sessions.live()).map(({ id }) => id)).toEqual(live.map(({ id }) => id));
  });

  test("the workspace folders of all sessions are known, as they were last written", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [one, two] = [aSession(), aSession({ tenantId: OTHER_TENANT, status: "closed" })];
    await store.sessions.create(one, { workspaceDir: "/before" });
    await store.sessions.create(two, { workspaceDir: "/other" });
    await store.sessions.update(TENANT, one.id, {}, { internals: { workspaceDir: "/after" } });
    expect([...(await store.sessions.workspaceDirs())].sort()).toEqual(["/after", "/other"]);
  });

  test("deleting a session takes its executions and the events of both with it, and nobody else's", async () => {
    await using subject = await make();
    const session = aSession({ status: "closed" });
    const other = aSession();
    const execution = anExecution(session.id);
    const streams = [
      aStream({ id: session.id, kind: "session" }),
      aStream({ id: execution.id }),
      aStream({ id: other.id, kind: "session" }),
    ] as const;
    {
      await using store = await subject.open();
      for (const item of [session, other]) await store.sessions.create(item, INTERNALS);
      await store.executions.create(execution);
      for (const stream of streams) await store.events.append(stream, lines("x"));
      expect(await store.sessions.delete(OTHER_TENANT, session.id)).toBe(false);
      expect(await store.sessions.delete(TENANT, session.id)).toBe(true);
      expect(await store.sessions.delete(TENANT, session.id)).toBe(false);
      expect(await store.executions.get(TENANT, execution.id)).toBeUndefined();
    }
    await using store = await subject.open();
    await expect.poll(async () => (await store.events.state(streams[1])).lastSeq).toBe(0);
    await expect.poll(async () => (await store.events.state(streams[0])).lastSeq).toBe(0);
    expect(await store.events.read(streams[2])).toHaveLength(1);
  });
}
