import { expect, test } from "vitest";
import { newId, type Run, type RunStatus } from "../../packages/glovebox/src/core/index.ts";
import type { JournalRow } from "../../packages/glovebox/src/store/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

const START = { seq: 0, hash: "" };

export function aRun(change: Partial<Run> = {}): Run {
  return {
    id: newId(),
    tenantId: TENANT,
    program: "p",
    version: "1",
    status: "queued",
    priority: 0,
    createdAt: new Date().toISOString(),
    inputHash: "h",
    usage: { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 },
    resumes: 0,
    ...change,
  };
}

export function row(seq: number, change: Partial<JournalRow> = {}): JournalRow {
  const payload = JSON.stringify({ text: `é'"\n${seq}` });
  const place = { step: seq % 2 === 0 ? "a/b#2" : null, attempt: seq % 2 === 0 ? seq : null };
  return {
    seq,
    ts: seq * 1000,
    type: "t",
    ...place,
    place: "inline",
    payload,
    payloadHash: `p${seq}`,
    hash: `h${seq}`,
    ...change,
  };
}

export function runConformance(make: MakeSubject): void {
  test("a run and its records are kept as they are, the head with them, all or nothing", async () => {
    await using subject = await make();
    const run = aRun({ waitingFor: ["signal"] });
    {
      await using store = await subject.open();
      await store.runs.create(run, [row(1)]);
      await expect(store.runs.create(run, [row(1)])).rejects.toMatchObject({ code: "already_exists" });
      const first = { seq: 1, hash: "h1" };
      await store.runs.append(run.id, first, [row(2), row(3)], { status: "running", waitingFor: undefined });
      await expect(store.runs.append(run.id, first, [row(2)])).rejects.toMatchObject({ code: "conflict" });
      await expect(store.runs.append(run.id, { seq: 3, hash: "other" }, [row(4)])).rejects.toMatchObject({
        code: "conflict",
      });
      await expect(store.runs.append(newId(), START, [row(1)])).rejects.toMatchObject({ code: "conflict" });
      await store.runs.append(run.id, { seq: 3, hash: "h3" }, [], { resumes: 2 });
    }
    await using store = await subject.open();
    const { waitingFor: _waitingFor, ...rest } = run;
    const expected = { run: { ...rest, status: "running", resumes: 2 }, head: { seq: 3, hash: "h3" } };
    expect(await store.runs.get(TENANT, run.id)).toEqual(expected);
    expect(await store.runs.get(OTHER_TENANT, run.id)).toBeUndefined();
    expect(await store.runs.read(run.id, { afterSeq: 0, limit: 10 })).toEqual([row(1), row(2), row(3)]);
    expect(await store.runs.read(run.id, { afterSeq: 1, limit: 1 })).toEqual([row(2)]);
    await expect(store.runs.read(run.id, { afterSeq: 0, limit: 0 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("runs are found by tenant, status, program, parent and key; unfinished ones in the order of their starts", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const statuses: RunStatus[] = ["completed", "waiting", "queued", "failed", "running", "cancelled"];
    const runs = statuses.map((status, i) =>
      aRun({ status, program: `p${i % 2}`, idempotencyKey: `k${i}`, tenantId: i === 4 ? OTHER_TENANT : TENANT }),
    );
    const child = aRun({ parentId: runs[0]?.id ?? "" });
    for (const run of [...runs, child]) await store.runs.create(run, []);
    const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);
    const unfinished = [runs[1], runs[2], runs[4], child].map((run) => run?.id);
    const stored = await store.runs.unfinished("", 10);
    expect(stored.map(({ run }) => run.id)).toEqual(unfinished);
    expect((await store.runs.unfinished(unfinished[1] ?? "", 1)).map(({ run }) => run.id)).toEqual([unfinished[2]]);
    expect(ids((await store.runs.list(TENANT, { parentId: runs[0]?.id ?? "" })).items)).toEqual([child.id]);
    expect(ids((await store.runs.list(TENANT, { status: ["failed", "cancelled"] })).items)).toEqual([
      runs[5]?.id,
      runs[3]?.id,
    ]);
    expect(ids((await store.runs.list(TENANT, { program: "p0" })).items)).toEqual([runs[2]?.id, runs[0]?.id]);
    const page = await store.runs.list(TENANT, { limit: 4 });
    const rest = await store.runs.list(TENANT, { limit: 4, cursor: page.nextCursor ?? "" });
    expect([...ids(page.items), ...ids(rest.items)]).toEqual(
      [child, ...runs.toReversed()].filter(({ tenantId }) => tenantId === TENANT).map(({ id }) => id),
    );
    expect((await store.runs.byIdempotencyKey(TENANT, "k2"))?.run.id).toBe(runs[2]?.id);
    expect(await store.runs.byIdempotencyKey(TENANT, "k4")).toBeUndefined();
    await expect(store.runs.create(aRun({ idempotencyKey: "k2" }), [])).rejects.toMatchObject({
      code: "already_exists",
    });
  });

  test("a payload is erased once and leaves its hash; a deleted run takes its records along; usage is summed by tenant", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const usage = { tokens: 2, dollars: 0.5, toolCalls: 1, sandboxSeconds: 0 };
    const run = aRun({ usage });
    await store.runs.create(run, [row(1), row(2)]);
    await store.runs.create(aRun({ usage }), []);
    await store.runs.create(aRun({ usage, tenantId: OTHER_TENANT }), []);
    expect(await store.runs.usage(TENANT)).toEqual({ tokens: 4, dollars: 1, toolCalls: 2, sandboxSeconds: 0 });
    expect(await store.runs.usage("nobody")).toEqual({ tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 });
    expect(await store.runs.erase(run.id, 2)).toBe(true);
    expect(await store.runs.erase(run.id, 2)).toBe(false);
    expect(await store.runs.read(run.id, { afterSeq: 1, limit: 1 })).toEqual([
      row(2, { place: "erased", payload: null }),
    ]);
    expect(await store.runs.delete(OTHER_TENANT, run.id)).toBe(false);
    expect(await store.runs.delete(TENANT, run.id)).toBe(true);
    expect(await store.runs.read(run.id, { afterSeq: 0, limit: 10 })).toEqual([]);
  });

  test("records that the disk does not take are told of, and the head stays", async () => {
    await using subject = await make();
    let broken = false;
    const before = (kind: string) => {
      if (broken && kind === "run") throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    await using store = await subject.open({ faults: { before } });
    const run = aRun();
    await store.runs.create(run, [row(1)]);
    broken = true;
    await expect(store.runs.append(run.id, { seq: 1, hash: "h1" }, [row(2)])).rejects.toMatchObject({
      code: "store_failed",
    });
    broken = false;
    expect((await store.runs.get(TENANT, run.id))?.head.seq).toBe(1);
    await store.runs.append(run.id, { seq: 1, hash: "h1" }, [row(2)]);
  });
}
