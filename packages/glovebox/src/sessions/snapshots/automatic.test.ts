import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId, type SnapshotOrigin, type Template } from "../../core/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

async function sessionWith(policy: Partial<Template["snapshots"]>): Promise<string> {
  const snapshots = { auto: "never" as const, rollbackOnFailure: false, keep: 10, ...policy };
  const name = `auto-${newId()}`;
  await stage.services.templates.create(TENANT, { name, isolation: "bubblewrap", languages: ["python"], snapshots });
  return stage.session({ template: name });
}

const sh = (id: string, code: string) => stage.run(id, { kind: "command", argv: ["bash", "-c", code] });
const listed = async (id: string) => (await stage.services.snapshots.list(TENANT, id, { limit: 1000 })).items;
const origins = async (id: string): Promise<SnapshotOrigin[]> =>
  (await listed(id)).map(({ origin }) => origin).toReversed();
async function codes(id: string): Promise<string[]> {
  const events = await stage.store.events.read(await stage.services.sessions.eventStream(TENANT, id));
  return events.flatMap((event) => (event.type === "system" ? [event.payload.code] : []));
}

test("`never` takes none", async () => {
  const id = await sessionWith({});
  await sh(id, "true");
  expect(await listed(id)).toEqual([]);
});

test("`before_execution` takes one of the state before each, and none around what runs beside", async () => {
  const id = await sessionWith({ auto: "before_execution" });
  const { execution } = await sh(id, "echo 1 > f");
  await sh(id, "echo 2 > f; false");
  const beside = { kind: "command" as const, argv: ["true"], background: true };
  await (await stage.services.executions.start(TENANT, id, beside)).finished;
  const [second, first] = await listed(id);
  expect(await origins(id)).toEqual(["before_execution", "before_execution"]);
  expect(first).toMatchObject({ executionId: execution.id, entries: 0 });
  expect(second?.entries).toBe(1);
  expect((await sh(id, "cat f")).out).toBe("2\n");
});

test("`after_success` takes one after what succeeded, and only `keep` of them are kept beside those made by hand", async () => {
  const id = await sessionWith({ auto: "after_success", keep: 2 });
  const byHand = await stage.services.snapshots.create(TENANT, id, { name: "mine" });
  for (const n of [1, 2, 3, 4]) await sh(id, `echo ${n} > f`);
  await sh(id, "echo 5 > f; exit 3");
  const items = await listed(id);
  expect(items.map(({ origin }) => origin)).toEqual(["after_success", "after_success", "manual"]);
  expect(items.at(-1)?.id).toBe(byHand.id);
  expect(readdirSync(join(stage.dir, "snapshots", id))).toHaveLength(3);
  await stage.services.snapshots.rollback(TENANT, id, items[1]?.id ?? "");
  expect((await sh(id, "cat f")).out).toBe("3\n");
});

test("`rollbackOnFailure` returns to the state before the execution that failed, whichever way it failed", async () => {
  const id = await sessionWith({ auto: "before_execution", rollbackOnFailure: true });
  await sh(id, "echo good > f");
  for (const failing of ["echo bad > f; exit 1", "echo bad > f; kill -9 $$", "rm f; sleep 60"]) {
    const limits = { wallMs: 3000 };
    const { execution } = await stage.run(id, { kind: "command", argv: ["bash", "-c", failing], limits });
    expect(execution.status).not.toBe("ok");
    // The next is not refused because the rollback is not over.
    expect((await sh(id, "cat f")).out).toBe("good\n");
  }
  const python = await stage.py(id, "import os; os.remove('f'); 1 / 0");
  expect(python.execution.status).toBe("error");
  expect((await sh(id, "cat f")).out).toBe("good\n");
  expect((await codes(id)).filter((code) => code === "session_rolled_back")).toHaveLength(4);
  // What failed can be looked at all the same.
  const undo = (await listed(id)).find(({ origin }) => origin === "before_rollback");
  await stage.services.snapshots.rollback(TENANT, id, undo?.id ?? "");
  expect((await sh(id, "ls")).out).toBe("");
});

test("`rollbackOnFailure` with `after_success` returns to the last success, or to the beginning, never to a failure", async () => {
  const id = await sessionWith({ auto: "after_success", rollbackOnFailure: true, keep: 1 });
  await sh(id, "echo first > bad; false");
  expect((await sh(id, "ls; echo one > f")).out).toBe("");
  for (let i = 0; i < 3; i += 1) {
    await sh(id, "echo half > f; false");
    expect((await sh(id, "cat f")).out).toBe("one\n");
  }
  expect(await origins(id)).not.toContain("manual");
});

test("a snapshot taken in the midst of what fails is nothing that is returned to", async () => {
  const id = await sessionWith({ auto: "after_success", rollbackOnFailure: true });
  await sh(id, "echo good > f");
  const running = await stage.services.executions.start(TENANT, id, {
    kind: "command",
    argv: ["bash", "-c", "echo bad > f; while [ ! -e go ]; do sleep 0.02; done; exit 1"],
  });
  const files = await stage.services.sessions.files(TENANT, id);
  await expect.poll(() => text(Readable.from(files.read("f"))), { timeout: 20_000 }).toBe("bad\n");
  await stage.services.snapshots.create(TENANT, id);
  await files.write("go", new Uint8Array());
  await running.finished;
  expect((await sh(id, "cat f")).out).toBe("good\n");
});

test("an execution whose snapshot cannot be taken is not run; one whose rollback fails is told of", async () => {
  await using small = await openStage({ quotas: { tenant: { snapshotMb: 0 } } });
  const snapshots = { auto: "before_execution" as const, rollbackOnFailure: false, keep: 1 };
  await small.services.templates.create(TENANT, { name: "auto", isolation: "bubblewrap", snapshots });
  const id = await small.session({ template: "auto" });
  await (await small.services.sessions.files(TENANT, id)).write("big", Buffer.alloc(100, 1));
  const refused = await small.run(id, { kind: "command", argv: ["touch", "ran"] });
  expect(refused.execution).toMatchObject({ status: "internal_error" });
  expect(existsSync(join(small.dir, "workspaces", id, "ran"))).toBe(false);

  const other = await sessionWith({ auto: "before_execution", rollbackOnFailure: true });
  await sh(other, "echo 1 > f");
  const wait = "while [ ! -e go ]; do sleep 0.02; done; exit 1";
  const running = await stage.services.executions.start(TENANT, other, { kind: "command", argv: ["bash", "-c", wait] });
  for (const name of readdirSync(join(stage.dir, "snapshots", other))) {
    rmSync(join(stage.dir, "snapshots", other, name, "objects"), { recursive: true });
  }
  await (await stage.services.sessions.files(TENANT, other)).write("go", new Uint8Array());
  await running.finished;
  expect(await codes(other)).toContain("snapshot_failed");
  expect((await sh(other, "cat f")).out).toBe("1\n");
});
