import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

const TICKER = ["sh", "-c", "i=0; while sleep 0.02; do i=$((i+1)); echo $i > ticks.new; mv ticks.new ticks; done"];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

const sessions = () => stage.services.sessions;
async function ticking(input = {}): Promise<{ readonly id: string; readonly ticker: string }> {
  const id = await stage.session({ template: "python", ...input });
  const started = await stage.services.executions.start(TENANT, id, {
    kind: "command",
    background: true,
    argv: TICKER,
  });
  return { id, ticker: started.execution.id };
}
async function ticks(id: string): Promise<number> {
  return Number((await stage.run(id, { kind: "command", argv: ["cat", "ticks"] })).out);
}
async function codes(id: string): Promise<string[]> {
  const events = await stage.store.events.read(await sessions().eventStream(TENANT, id));
  return events.flatMap((event) => (event.type === "system" ? [event.payload.code] : []));
}
/** What the host sees, also of a session that stands still. */
const ticksOnHost = (id: string) => readFileSync(join(stage.dir, "workspaces", id, "ticks"), "utf8");

test("a paused session takes no work, and goes on where it stood", async () => {
  const { id, ticker } = await ticking();
  await stage.py(id, "x = 40");
  await expect.poll(() => ticks(id)).toBeGreaterThan(0);
  expect((await sessions().pause(TENANT, id)).status).toBe("paused");
  expect((await sessions().pause(TENANT, id)).status).toBe("paused");
  const refused = { code: "session_not_ready", details: { status: "paused" } };
  await expect(stage.py(id, "1")).rejects.toMatchObject(refused);
  await expect(sessions().files(TENANT, id)).rejects.toMatchObject(refused);
  await expect(stage.services.executions.cancel(TENANT, ticker)).rejects.toMatchObject(refused);
  await expect(stage.services.executions.writeStdin(TENANT, ticker, Buffer.from("x"))).rejects.toMatchObject(refused);
  await expect(stage.services.snapshots.create(TENANT, id)).rejects.toMatchObject(refused);
  expect((await sessions().get(TENANT, id)).status).toBe("paused");
  expect((await sessions().resume(TENANT, id)).status).toBe("ready");
  expect((await sessions().resume(TENANT, id)).status).toBe("ready");
  const before = await ticks(id);
  await expect.poll(() => ticks(id)).toBeGreaterThan(before);
  expect((await stage.py(id, "print(x + 2)")).out).toBe("42\n");
  expect(await codes(id)).toEqual(["session_paused", "session_resumed"]);
  await sessions().close(TENANT, id);
});

test("nothing in a paused session runs, and it stays so when the server is started anew", async () => {
  const { id, ticker } = await ticking();
  await expect.poll(() => ticks(id)).toBeGreaterThan(0);
  const other = await ticking();
  await sessions().pause(TENANT, id);
  const before = ticksOnHost(id);
  await expect.poll(() => ticks(other.id).catch(() => 0)).toBeGreaterThan(10);
  expect(ticksOnHost(id)).toBe(before);
  await sessions().close(TENANT, other.id);
  const { dir } = stage;
  await stage.letGo();
  stage = await openStage({ dir });
  expect(await stage.services.recover()).toMatchObject({ attached: 1, closed: 0, resumed: 1, settled: 0 });
  expect((await sessions().get(TENANT, id)).status).toBe("paused");
  expect((await stage.services.executions.get(TENANT, ticker)).status).toBe("running");
  await expect(stage.py(id, "1")).rejects.toMatchObject({ code: "session_not_ready" });
  await sessions().resume(TENANT, id);
  const now = await ticks(id);
  await expect.poll(() => ticks(id)).toBeGreaterThan(now);
  expect((await stage.services.executions.cancel(TENANT, ticker)).status).toBe("cancelled");
  await sessions().close(TENANT, id);
});

test("idle time does not count while a session is paused, its lifetime does, and it can be closed", async () => {
  const idle = await ticking({ idleTimeoutMs: 1_000 });
  const old = await ticking({ maxLifetimeMs: 2_000 });
  await sessions().pause(TENANT, idle.id);
  await sessions().pause(TENANT, old.id);
  await expect.poll(async () => (await sessions().get(TENANT, old.id)).status, { timeout: 20_000 }).toBe("closed");
  expect((await sessions().get(TENANT, old.id)).closedBy).toBe("lifetime");
  expect((await sessions().get(TENANT, idle.id)).status).toBe("paused");
  expect((await sessions().close(TENANT, idle.id)).status).toBe("closed");
  expect((await stage.services.executions.get(TENANT, idle.ticker)).status).toBe("cancelled");
  await expect(sessions().resume(TENANT, idle.id)).rejects.toMatchObject({ code: "session_not_ready" });
});

test("is refused while something with a deadline runs, and where the isolation cannot", async () => {
  const id = await stage.session();
  const { execution } = await stage.services.executions.start(TENANT, id, {
    kind: "command",
    background: true,
    argv: ["sleep", "600"],
    limits: { wallMs: 60_000 },
  });
  await expect(sessions().pause(TENANT, id)).rejects.toMatchObject({ code: "conflict" });
  await stage.services.executions.cancel(TENANT, execution.id);
  const cannot = { code: "not_supported_by_isolation" };
  await expect(sessions().pause(TENANT, id, { release: true })).rejects.toMatchObject(cannot);
  await expect(stage.services.snapshots.create(TENANT, id, { memory: true })).rejects.toMatchObject(cannot);
  expect((await stage.services.snapshots.create(TENANT, id)).kind).toBe("files");
  expect((await sessions().get(TENANT, id)).status).toBe("ready");
  await sessions().close(TENANT, id);
  const isolate = await stage.session({ isolation: "isolate" });
  await expect(sessions().pause(TENANT, isolate)).rejects.toMatchObject(cannot);
  await sessions().close(TENANT, isolate);
});
