import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AuditEntry, type Clock, type Logger, silentLogger, systemClock } from "../../core/index.ts";
import { openSqliteStore, restoreBackup, type Store, type StoreFaults } from "../../store/index.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { type AuditLog, createAuditLog } from "./audit-log.ts";
import { verifyChain } from "./verify.ts";

const DAY_MS = 86_400_000;

let folder: string;
let dataDir: string;
let nowMs: number;
let logged: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "glovebox-audit-"));
  dataDir = join(folder, "data");
  nowMs = Date.UTC(2026, 10, 20);
  logged = "";
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => systemClock.monotonicMs() };
const log = (fields: Record<string, unknown>, message: string) => {
  logged += `${JSON.stringify(fields)} ${message}\n`;
};
const logger: Logger = { ...silentLogger, info: log, warn: log, error: log };

async function whileOpen<T>(
  work: (audit: AuditLog, store: Store) => Promise<T>,
  options: { readonly faults?: StoreFaults; readonly retentionDays?: number | null } = {},
): Promise<T> {
  const { faults, ...settings } = options;
  await using store = await openSqliteStore({ dataDir, ...(faults && { faults }) });
  const audit = createAuditLog({ store: store.audit, clock, logger, redactor: createRedactor("default"), ...settings });
  try {
    return await work(audit, store);
  } finally {
    await audit.close();
  }
}

function anEntry(at: number, change: Partial<AuditEntry> = {}): AuditEntry {
  return {
    tenantId: "acme",
    principal: `token-${at % 3}`,
    action: at % 2 === 0 ? "tokens.create" : "secrets.set",
    resource: { kind: "tokens", id: `id-${at}` },
    decision: "allow",
    reasons: ["role admin", "status 201"],
    requestId: `r${at}`,
    ...change,
  };
}

function recordMany(audit: AuditLog, count: number, change: Partial<AuditEntry> = {}): void {
  for (let at = 1; at <= count; at += 1) audit.record(anEntry(at, change));
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** As somebody with the disk in hand, past every guard. */
function tamper(sql: string): void {
  const db = new Database(join(dataDir, "glovebox.db"));
  try {
    for (const name of ["audit_is_never_changed", "audit_goes_from_its_old_end"])
      db.exec(`DROP TRIGGER IF EXISTS ${name}`);
    db.exec(sql);
  } finally {
    db.close();
  }
}

describe("the audit log", () => {
  it("keeps every entry in order, each tenant's apart, across restarts, and reads what was just recorded", async () => {
    await whileOpen(async (audit) => {
      recordMany(audit, 1200);
      recordMany(audit, 3, { tenantId: "umbrella" });
      const { items, nextCursor } = await audit.list("acme", { limit: 2 });
      expect(items.map(({ seq, requestId }) => [seq, requestId])).toEqual([
        [1200, "r1200"],
        [1199, "r1199"],
      ]);
      expect((await audit.list("acme", { limit: 2, cursor: nextCursor ?? "" })).items[0]?.seq).toBe(1198);
      expect(await audit.verify("acme")).toMatchObject({ ok: true, entries: 1200, head: { seq: 1200 } });
    });
    await whileOpen(async (audit) => {
      recordMany(audit, 1);
      const records = await collect(audit.export("acme"));
      expect(records.map(({ seq }) => seq)).toEqual(Array.from({ length: 1201 }, (_, at) => at + 1));
      expect(records[0]).toEqual({
        ...anEntry(1),
        seq: 1,
        ts: "2026-11-20T00:00:00.000Z",
        prevHash: "0".repeat(64),
        hash: records[1]?.prevHash,
      });
      expect(await verifyChain(each(records))).toMatchObject({ ok: true, entries: 1201 });
      expect(await audit.verify("umbrella")).toMatchObject({ ok: true, entries: 3, head: { seq: 3 } });
      expect(await audit.verify("nobody")).toEqual({ ok: true, entries: 0 });
      expect((await collect(audit.export("acme", { afterSeq: 1199 }))).map(({ seq }) => seq)).toEqual([1200, 1201]);
    });
  });

  it("finds what is rare among many, page by page, and refuses cursors that are not its own", async () => {
    await whileOpen(async (audit) => {
      audit.record(anEntry(1, { action: "rare", decision: "deny" }));
      recordMany(audit, 2500);
      audit.record(anEntry(2, { action: "rare", resource: { kind: "address" } }));
      recordMany(audit, 2500);
      const first = await audit.list("acme", { action: "rare", limit: 1 });
      expect(first.items.map(({ seq }) => seq)).toEqual([2502]);
      const second = await audit.list("acme", { action: "rare", limit: 1, cursor: first.nextCursor ?? "" });
      expect(second).toMatchObject({ items: [{ seq: 1 }] });
      expect(second.nextCursor).toBeUndefined();
      expect((await audit.list("acme", { decision: "deny" })).items).toHaveLength(1);
      expect(
        (await audit.list("acme", { principal: "token-1", resourceKind: "tokens", limit: 1000 })).items,
      ).toHaveLength(1000);
      expect((await audit.list("umbrella", { action: "rare" })).items).toEqual([]);
      const bad = [{ cursor: "x" }, { cursor: "YTE6MA" }, { limit: 0 }, { limit: 1001 }, { limit: 1.5 }];
      for (const query of bad)
        await expect(audit.list("acme", query)).rejects.toMatchObject({ code: "invalid_argument" });
    });
  });

  it("masks secrets, cuts what is long, and takes nothing that it does not know", async () => {
    await whileOpen(async (audit) => {
      const token = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
      const strange = {
        ...anEntry(1),
        extra: "not for the log",
        resource: { kind: "x".repeat(9999), id: `\ud800${token}`, more: 1 },
      };
      audit.record({ ...strange, reasons: Array.from({ length: 99 }, () => `used ${token}`) });
      audit.record({ ...anEntry(1), reasons: null as unknown as string[] });
      audit.record(anEntry(2));
      const [, record] = (await audit.list("acme")).items;
      const text = JSON.stringify(record);
      expect(text).not.toMatch(/a1B2|not for the log|more/);
      expect(text.length).toBeLessThan(2000);
      expect(logged).toContain("could not be taken");
      expect(await audit.verify("acme")).toMatchObject({ ok: true, entries: 2 });
    });
  });

  it("is carried by a backup, whole", async () => {
    const head = await whileOpen(async (audit, store) => {
      recordMany(audit, 10);
      const verified = await audit.verify("acme");
      await store.maintenance.backup(join(folder, "backup"));
      return verified.head;
    });
    await rm(dataDir, { recursive: true });
    await restoreBackup(join(folder, "backup"), dataDir);
    await whileOpen(async (audit) => {
      expect(await audit.verify("acme")).toMatchObject({ ok: true, head });
      recordMany(audit, 1);
      expect(await audit.verify("acme")).toMatchObject({ ok: true, head: { seq: 11 } });
    });
    expect(await readdir(folder)).toContain("backup");
  });
});

describe("verifying", () => {
  const forge = "UPDATE audit SET doc = replace(doc, 'token-1', 'token-9')";
  it.each([
    ["a record that was changed", `${forge} WHERE seq = 4`, 4, "changed"],
    [
      "a record whose hash was made to fit",
      "UPDATE audit SET doc = replace(doc, 'allow', 'deny'), hash = 'x' WHERE seq = 5",
      5,
      "changed",
    ],
    ["a record that is gone", "DELETE FROM audit WHERE seq = 6", 6, "missing"],
    ["the first record gone", "DELETE FROM audit WHERE seq = 1", 1, "missing"],
    [
      "two records that changed places",
      "UPDATE audit SET seq = 100 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 100",
      3,
      "missing",
    ],
    ["a record that is none", "UPDATE audit SET doc = '[1]' WHERE seq = 2", 2, "missing"],
    [
      "a record of another chain",
      "UPDATE audit SET doc = (SELECT doc FROM audit WHERE tenant_id = 'umbrella' AND seq = 7) WHERE seq = 7 AND tenant_id = 'acme'",
      7,
      "follow",
    ],
    [
      "a checkpoint that was made up",
      `INSERT INTO audit_checkpoints VALUES ('acme', 3, '{}', 'x'); DELETE FROM audit WHERE seq <= 3`,
      3,
      "checkpoint",
    ],
  ])("tells %s, and where", async (_what, sql, seq, reason) => {
    await whileOpen(async (audit) => {
      recordMany(audit, 10);
      recordMany(audit, 10, { tenantId: "umbrella", reasons: ["x"] });
      expect((await audit.verify("acme")).ok).toBe(true);
    });
    tamper(sql.replaceAll("WHERE seq", "WHERE tenant_id = 'acme' AND seq"));
    await whileOpen(async (audit) => {
      expect(await audit.verify("acme")).toMatchObject({
        ok: false,
        bad: { seq, reason: expect.stringContaining(reason) },
      });
      expect((await audit.verify("umbrella")).ok).toBe(true);
    });
  });

  it("is not needed to keep rows from being changed through the store's own connection", async () => {
    await whileOpen(async (audit) => {
      recordMany(audit, 3);
      await audit.verify("acme");
    });
    const db = new Database(join(dataDir, "glovebox.db"));
    expect(() => db.exec("UPDATE audit SET hash = 'x'")).toThrow(/append-only/);
    expect(() => db.exec("DELETE FROM audit WHERE seq = 1")).toThrow(/append-only/);
    db.close();
  });

  it("works on exported records without a server, also on a part of them", async () => {
    const records = await whileOpen(async (audit) => {
      recordMany(audit, 20);
      return await collect(audit.export("acme"));
    });
    expect(await verifyChain(each(records.slice(5)))).toMatchObject({ ok: true, entries: 15, after: { seq: 5 } });
    const cut = records.filter(({ seq }) => seq !== 8);
    expect(await verifyChain(each(cut))).toMatchObject({ ok: false, entries: 7, bad: { seq: 8 } });
    const [first, ...rest] = records;
    expect((await verifyChain(each([{ ...first, prevHash: "1".repeat(64) }, ...rest]))).ok).toBe(false);
    for (const nonsense of [null, "x", 1, [], {}, { seq: 0, prevHash: "" }, { seq: 1e300, prevHash: "" }]) {
      expect([nonsense, (await verifyChain(each([nonsense]))).ok]).toEqual([nonsense, false]);
      expect((await verifyChain(each([...records, nonsense]))).bad?.seq).toBe(21);
    }
    expect(await verifyChain(each([]))).toEqual({ ok: true, entries: 0 });
  });
});

describe("retention", () => {
  it("removes the old end, behind a checkpoint that the chain itself names, and what is left is verifiable", async () => {
    await whileOpen(async (audit) => {
      recordMany(audit, 1500);
      await audit.verify("acme");
      nowMs += 300 * DAY_MS;
      recordMany(audit, 5);
      recordMany(audit, 5, { tenantId: "umbrella" });
      expect(await audit.verify("acme")).toMatchObject({ entries: 1505 });
      expect(await audit.prune()).toBe(0);
      nowMs += 100 * DAY_MS;
      expect(await audit.prune()).toBe(1500);
      const [newest] = (await audit.list("acme")).items;
      const left = await audit.verify("acme");
      expect(left).toMatchObject({ ok: true, entries: 6, after: { seq: 1500 }, head: { seq: 1506 } });
      expect(newest).toMatchObject({ action: "audit.prune", principal: "server" });
      expect(newest?.reasons.join()).toContain(left.after?.hash);
      expect((await audit.verify("umbrella")).entries).toBe(5);
    });
    await whileOpen(async (audit) => {
      nowMs += 1000 * DAY_MS;
      expect(await audit.prune()).toBe(11);
      expect(await audit.verify("acme")).toMatchObject({ ok: true, entries: 1, after: { seq: 1506 } });
    });
    tamper("DELETE FROM audit WHERE tenant_id = 'acme' AND seq <= 1507; UPDATE audit_checkpoints SET seq = 1507");
    await whileOpen(async (audit) => expect((await audit.verify("acme")).ok).toBe(false));
  });

  it("keeps for ever where it is null", async () => {
    await whileOpen(
      async (audit) => {
        recordMany(audit, 1);
        await audit.verify("acme");
        nowMs += 36_500 * DAY_MS;
        expect(await audit.prune()).toBe(0);
      },
      { retentionDays: null },
    );
  });
});

describe("a disk that does not take it", () => {
  it("delays the log and makes no hole in it", async () => {
    let broken = true;
    const before = (kind: string) => {
      if (broken && kind === "audit") throw new Error("no space");
    };
    await whileOpen(
      async (audit) => {
        recordMany(audit, 700);
        expect((await audit.list("acme")).items).toEqual([]);
        expect(logged).toContain("trying again");
        broken = false;
        while ((await audit.verify("acme")).entries < 700) await new Promise((resolve) => setTimeout(resolve, 20));
        expect(await audit.verify("acme")).toMatchObject({ ok: true, entries: 700 });
        expect(logged).toContain("written again");
      },
      { faults: { before } },
    );
  });

  it("loses only what does not fit in memory, and the log and the chain say how much", async () => {
    let broken = true;
    const before = (kind: string) => {
      if (broken && kind === "audit") throw new Error("no space");
    };
    await whileOpen(
      async (audit) => {
        recordMany(audit, 10_250);
        expect(logged).toContain("audit entries are lost");
        await audit.list("acme");
        broken = false;
        while ((await audit.verify("acme")).entries < 10_000) await new Promise((resolve) => setTimeout(resolve, 20));
        const [told] = (await audit.list("default")).items;
        expect(told).toMatchObject({ action: "audit.lost", reasons: [expect.stringContaining("250 entries")] });
      },
      { faults: { before } },
    );
  });

  it("keeps room for what people did, whatever sandboxes do", async () => {
    let broken = true;
    const before = (kind: string) => {
      if (broken && kind === "audit") throw new Error("no space");
    };
    await whileOpen(
      async (audit) => {
        recordMany(audit, 20_000, { principal: "session:1" });
        recordMany(audit, 1000);
        await audit.list("acme");
        broken = false;
        while ((await audit.verify("acme")).entries < 6000) await new Promise((resolve) => setTimeout(resolve, 20));
        const { items } = await audit.list("acme", { limit: 1000 });
        expect(items.every(({ principal }) => principal.startsWith("token-"))).toBe(true);
        expect((await audit.verify("acme")).entries).toBe(6000);
      },
      { faults: { before } },
    );
  });

  it("does not keep the server from stopping, which says what was lost", async () => {
    const before = (kind: string) => {
      if (kind === "audit") throw new Error("no space");
    };
    await whileOpen(async (audit) => recordMany(audit, 3), { faults: { before } });
    expect(logged).toContain('{"lost":3}');
  });
});
