import { expect, test } from "vitest";
import { newId } from "../../packages/glovebox/src/core/index.ts";
import type { Store } from "../../packages/glovebox/src/store/index.ts";
import { anExecution, aSession, aStream, INTERNALS, lines, TENANT } from "./entities.ts";
import { DAY_MS, type MakeSubject, ManualClock } from "./subject.ts";

const START_MS = Date.UTC(2026, 5, 3, 12);

interface Made {
  readonly sessionId: string;
  readonly executionId: string;
}

/** A session with an event, and with one execution that has two, all as of the clock's time. */
async function aPast(store: Store, clock: ManualClock, status: "ready" | "closed"): Promise<Made> {
  const at = new Date(clock.ms).toISOString();
  const session = aSession({ id: newId(clock.ms), status, createdAt: at, lastActivityAt: at });
  const closed = status === "closed" ? { closedAt: at } : {};
  await store.sessions.create({ ...session, ...closed }, INTERNALS);
  const execution = anExecution(session.id, { id: newId(clock.ms), status: "ok", createdAt: at, endedAt: at });
  await store.executions.create(execution);
  await store.events.append(aStream({ kind: "session", id: session.id }), lines("a"));
  await store.events.append(aStream({ id: execution.id }), lines("b", "c"));
  return { sessionId: session.id, executionId: execution.id };
}

export function maintenanceConformance(make: MakeSubject): void {
  test("retention has defaults, is kept, and refuses nonsense", async () => {
    await using subject = await make();
    const policy = { events: 7, executions: null, closedSessions: 0, runs: 3 };
    {
      await using store = await subject.open();
      expect((await store.maintenance.retention()).events).toBeGreaterThan(0);
      await store.maintenance.setRetention(policy);
      await expect(store.maintenance.setRetention({ ...policy, events: -1 })).rejects.toMatchObject({
        code: "invalid_argument",
      });
    }
    await using store = await subject.open();
    expect(await store.maintenance.retention()).toEqual(policy);
  });

  test("a sweep removes what a dry run counts, and nothing of live sessions, however old", async () => {
    await using subject = await make();
    // Ids only grow within a process: the past must come first, and all of it lies before other tests' ids.
    const clock = new ManualClock(Date.now() + 10 * DAY_MS);
    await using store = await subject.open({ clock });
    const old = await aPast(store, clock, "closed");
    const live = await aPast(store, clock, "ready");
    clock.ms += 20 * DAY_MS;
    const recent = await aPast(store, clock, "closed");
    await store.maintenance.setRetention({ events: 10, executions: 10, closedSessions: 10, runs: 10 });
    const counts = { events: 3, executions: 1, closedSessions: 1, runs: 0 };
    expect(await store.maintenance.sweep({ dryRun: true })).toEqual(counts);
    expect((await store.events.read(aStream({ id: old.executionId }))).length).toBe(2);
    expect(await store.sessions.get(TENANT, old.sessionId)).toBeDefined();
    expect(await store.maintenance.sweep({ dryRun: false })).toEqual(counts);
    expect(await store.events.read(aStream({ id: old.executionId }))).toEqual([]);
    expect(await store.sessions.get(TENANT, old.sessionId)).toBeUndefined();
    expect(await store.executions.get(TENANT, old.executionId)).toBeUndefined();
    for (const { sessionId, executionId } of [live, recent]) {
      expect(await store.sessions.get(TENANT, sessionId)).toBeDefined();
      expect(await store.executions.get(TENANT, executionId)).toBeDefined();
      expect(await store.events.read(aStream({ id: executionId }))).toHaveLength(2);
      expect(await store.events.read(aStream({ kind: "session", id: sessionId }))).toHaveLength(1);
    }
    const none = { events: 0, executions: 0, closedSessions: 0, runs: 0 };
    expect(await store.maintenance.sweep({ dryRun: false })).toEqual(none);
    // The live one's stream goes on where it was.
    expect(await store.events.append(aStream({ id: live.executionId }), lines("d"))).toEqual({
      firstSeq: 3,
      lastSeq: 3,
    });
  });

  test("`null` keeps for ever; an open stream of another kind is kept, a closed one expires", async () => {
    await using subject = await make();
    const clock = new ManualClock(Date.now() + 50 * DAY_MS);
    await using store = await subject.open({ clock });
    const made = await aPast(store, clock, "closed");
    const run = aStream({ kind: "run", id: newId(clock.ms) });
    await store.events.append(run, lines("a"));
    clock.ms += 1000 * DAY_MS;
    await store.maintenance.setRetention({ events: null, executions: null, closedSessions: null, runs: null });
    const none = { events: 0, executions: 0, closedSessions: 0, runs: 0 };
    expect(await store.maintenance.sweep({ dryRun: false })).toEqual(none);
    await store.maintenance.setRetention({ events: 1, executions: null, closedSessions: null, runs: null });
    expect(await store.maintenance.sweep({ dryRun: false })).toEqual({ ...none, events: 3 });
    expect(await store.executions.get(TENANT, made.executionId)).toBeDefined();
    expect(await store.events.read(run)).toHaveLength(1);
    await store.events.close(run);
    clock.ms += 2 * DAY_MS;
    expect(await store.maintenance.sweep({ dryRun: false })).toEqual({ ...none, events: 1 });
    expect(await store.events.read(run)).toEqual([]);
  });

  test("a sweep of many takes all of them, whatever shares a time and whatever is kept between them", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [live, closed] = [aSession(), aSession({ status: "closed", closedAt: "2026-01-01T00:00:00.000Z" })];
    for (const session of [live, closed]) await store.sessions.create(session, INTERNALS);
    const endedAt = (i: number) => `2026-01-0${1 + (i % 3)}T00:00:00.000Z`;
    const created = Array.from({ length: 900 }, (_, i) =>
      store.executions.create(
        anExecution((i % 2 === 0 ? live : closed).id, { status: "ok", endedAt: endedAt(Math.floor(i / 2)) }),
      ),
    );
    await Promise.all(created);
    await store.maintenance.setRetention({ events: null, executions: 1, closedSessions: null, runs: null });
    const nowMs = Date.UTC(2026, 0, 3, 12);
    const counts = { events: 0, executions: 300, closedSessions: 0, runs: 0 };
    expect(await store.maintenance.sweep({ dryRun: true, nowMs })).toEqual(counts);
    expect(await store.maintenance.sweep({ dryRun: false, nowMs })).toEqual(counts);
    expect(await store.executions.countByStatus(TENANT)).toEqual({ ok: 600 });
  });

  test("a stream whose file is gone starts anew", async () => {
    await using subject = await make();
    const clock = new ManualClock(START_MS);
    await using store = await subject.open({ clock });
    const id = "019f0000-0000-7000-8000-000000000000";
    const stream = aStream({ id });
    await store.events.append(stream, lines("a", "b"), { n: 2 });
    expect(await store.events.read(stream)).toHaveLength(2);
    clock.ms += 400 * DAY_MS;
    await store.maintenance.setRetention({ events: 1, executions: 1, closedSessions: 1, runs: 1 });
    expect((await store.maintenance.sweep({ dryRun: false })).events).toBe(2);
    expect(await store.events.state(stream)).toEqual({ state: undefined, lastSeq: 0 });
    expect(await store.events.append(stream, lines("c"))).toEqual({ firstSeq: 1, lastSeq: 1 });
    expect(await store.events.read(stream)).toHaveLength(1);
  });
}
