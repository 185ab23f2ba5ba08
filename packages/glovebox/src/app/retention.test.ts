import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newId, type Run, silentLogger } from "../core/index.ts";
import { openSqliteStore, type Store } from "../store/index.ts";
import { applyRetention, sweepRegularly } from "./retention.ts";

const TENANT = "t";
let dataDir = "";
let store: Store;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-retention-"));
  store = await openSqliteStore({ dataDir });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

function endedIn(year: number): Run {
  return {
    id: newId(),
    tenantId: TENANT,
    program: "p",
    version: "1",
    status: "completed",
    priority: 0,
    createdAt: `${year}-01-01T00:00:00.000Z`,
    endedAt: `${year}-01-01T00:00:00.000Z`,
    inputHash: "h",
    usage: { tokens: 0, dollars: 0, toolCalls: 0, sandboxSeconds: 0 },
    resumes: 0,
  };
}

test("what the configuration says replaces what is stored, kind by kind", async () => {
  const stored = await store.maintenance.retention();
  await applyRetention(store, { runs: 7, events: null });
  expect(await store.maintenance.retention()).toEqual({ ...stored, runs: 7, events: null });
  await applyRetention(store, {});
  expect(await store.maintenance.retention()).toEqual({ ...stored, runs: 7, events: null });
});

test("a server that starts removes what is past its retention, and keeps the rest", async () => {
  const [old, recent] = [endedIn(2001), endedIn(new Date().getUTCFullYear() + 1)];
  for (const run of [old, recent]) await store.runs.create(run, []);
  using _sweeping = sweepRegularly(store, silentLogger);
  await expect.poll(() => store.runs.get(TENANT, old.id), { timeout: 10_000 }).toBeUndefined();
  expect(await store.runs.get(TENANT, recent.id)).toBeDefined();
});
