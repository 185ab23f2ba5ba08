import { expect, test } from "vitest";
import type { AuditRow, Store } from "../../packages/glovebox/src/store/index.ts";
import { OTHER_TENANT, TENANT } from "./entities.ts";
import type { MakeSubject } from "./subject.ts";

function aRow(seq: number, change: Record<string, unknown> = {}, tenantId = TENANT): AuditRow {
  const entry = {
    principal: "p1",
    action: "tokens.create",
    decision: "allow",
    resource: { kind: "tokens" },
    ...change,
  };
  return { tenantId, seq, ts: seq * 1000, doc: JSON.stringify(entry), hash: `hash-${seq}` };
}

async function seqs(store: Store, filter?: Parameters<Store["audit"]["list"]>[1]): Promise<number[]> {
  return (await store.audit.list(TENANT, filter)).map(({ seq }) => seq);
}

export function auditConformance(make: MakeSubject): void {
  test("audit rows are kept as they are, whole batches only, newest first or oldest first, each tenant's apart", async () => {
    await using subject = await make();
    const rows = [1, 2, 3, 4].map((seq) => aRow(seq, { note: "é'\"\n" }));
    {
      await using store = await subject.open();
      await store.audit.append([]);
      expect(await store.audit.last(TENANT)).toBeUndefined();
      await store.audit.append(rows.slice(0, 2));
      await store.audit.append([...rows.slice(2), aRow(1, {}, OTHER_TENANT)]);
      await expect(store.audit.append([aRow(5), aRow(4)])).rejects.toMatchObject({ code: "conflict" });
    }
    await using store = await subject.open();
    expect(await store.audit.last(TENANT)).toEqual(rows[3]);
    expect(await store.audit.read(TENANT, { afterSeq: 0, limit: 10 })).toEqual(rows);
    expect(await store.audit.read(TENANT, { afterSeq: 1, limit: 2 })).toEqual(rows.slice(1, 3));
    expect(await seqs(store)).toEqual([4, 3, 2, 1]);
    expect(await seqs(store, { beforeSeq: 4, afterSeq: 1, limit: 1 })).toEqual([3]);
    expect((await store.audit.tenants()).toSorted()).toEqual([TENANT, OTHER_TENANT]);
    await expect(store.audit.list(TENANT, { limit: 0 })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(store.audit.read(TENANT, { afterSeq: 0, limit: 10_001 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("audit rows are found by who, what, on what, how it was decided, in which request, and when", async () => {
    await using subject = await make();
    await using store = await subject.open();
    await store.audit.append([
      aRow(1),
      aRow(2, { principal: "p2" }),
      aRow(3, { action: "secrets.set", resource: { kind: "secrets", id: "A" } }),
      aRow(4, { decision: "deny", requestId: "r4" }),
    ]);
    expect(await seqs(store, { principal: "p2" })).toEqual([2]);
    expect(await seqs(store, { action: "secrets.set" })).toEqual([3]);
    expect(await seqs(store, { resourceKind: "secrets", resourceId: "A" })).toEqual([3]);
    expect(await seqs(store, { resourceKind: "tokens", decision: "allow" })).toEqual([2, 1]);
    expect(await seqs(store, { decision: "deny", requestId: "r4" })).toEqual([4]);
    expect(await seqs(store, { sinceMs: 2000, untilMs: 4000 })).toEqual([3, 2]);
    expect(await seqs(store, { resourceId: "' OR 1 --" })).toEqual([]);
  });

  test("audit rows go only from the old end, behind a checkpoint; a row out of order keeps what follows it", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const rows = [1, 2, 3, 4, 5].map((seq) => aRow(seq));
    await store.audit.append(rows);
    const lastExpired = (beforeMs: number, limit = 100) => store.audit.lastExpired(TENANT, { beforeMs, limit });
    expect(await lastExpired(1000)).toBeUndefined();
    expect(await lastExpired(3001)).toEqual(rows[2]);
    expect(await lastExpired(3001, 2)).toEqual(rows[1]);
    expect(await lastExpired(99_000)).toEqual(rows[4]);
    expect(await store.audit.checkpoint(TENANT)).toBeUndefined();
    const checkpoint = { tenantId: TENANT, seq: 3, doc: "{}", hash: "c3" };
    expect(await store.audit.prune(checkpoint)).toBe(3);
    expect(await store.audit.checkpoint(TENANT)).toEqual(checkpoint);
    expect(await seqs(store)).toEqual([5, 4]);
    await store.audit.append([{ ...aRow(6), ts: 1 }]);
    expect(await lastExpired(4001)).toEqual(rows[3]);
    expect(await store.audit.prune({ ...checkpoint, seq: 6 })).toBe(3);
    expect(await store.audit.last(TENANT)).toBeUndefined();
    expect(await store.audit.checkpoint(OTHER_TENANT)).toBeUndefined();
  });

  test("audit rows that the disk does not take are told of", async () => {
    await using subject = await make();
    let broken = true;
    const before = (kind: string) => {
      if (broken && kind === "audit") throw Object.assign(new Error("full"), { code: "ENOSPC" });
    };
    await using store = await subject.open({ faults: { before } });
    await expect(store.audit.append([aRow(1)])).rejects.toMatchObject({ code: "store_failed" });
    broken = false;
    await store.audit.append([aRow(1)]);
    expect(await seqs(store)).toEqual([1]);
  });
}
