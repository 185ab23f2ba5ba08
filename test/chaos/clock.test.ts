import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Clock, type Isolation, systemClock } from "../../packages/glovebox/src/core/index.ts";
import { BubblewrapDriver, type IsolationDriver } from "../../packages/glovebox/src/sandbox/index.ts";
import { createSessionServices, type RecoverableSessionServices } from "../../packages/glovebox/src/sessions/index.ts";
import { openSqliteStore, type Store } from "../../packages/glovebox/src/store/index.ts";

const TENANT = "acme";
const DAY_MS = 86_400_000;

/** The machine's clock, set by somebody while the server runs. */
let jumpMs = 0;
const clock: Clock = { nowMs: () => Date.now() + jumpMs, monotonicMs: () => systemClock.monotonicMs() };
let dir: string;
let store: Store;
let driver: BubblewrapDriver;
let services: RecoverableSessionServices;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "glovebox-clock-"));
  store = await openSqliteStore({ dataDir: join(dir, "data") });
  driver = new BubblewrapDriver({ runDir: join(dir, "run"), waiting: 0 });
  const drivers = new Map<Isolation, IsolationDriver>([["bubblewrap", driver]]);
  services = createSessionServices({ store, drivers, dataDir: dir, clock });
});
afterAll(async () => {
  const live = await services.sessions.list(TENANT, { status: ["starting", "ready"], limit: 100 });
  await Promise.allSettled(live.items.map(({ id }) => services.sessions.close(TENANT, id)));
  await services[Symbol.asyncDispose]();
  await driver[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

test.for([
  ["forwards", DAY_MS],
  ["backwards", -DAY_MS],
] as const)(
  "a wall clock that jumps a day %s changes neither durations nor limits, and ends no session",
  async ([, jump], { skip }) => {
    const probed = await driver.probe();
    skip(!probed.available, `isolation bubblewrap: ${probed.available ? "" : probed.reason}`);
    jumpMs = 0;
    const { session } = await services.sessions.create(TENANT, { template: "python", idleTimeoutMs: 60_000 });
    const run = (input: string, wallMs: number) =>
      services.executions.start(TENANT, session.id, { kind: "repl", input, limits: { wallMs } });
    const slow = await run("import time\nfor i in range(8): print(i, flush=True); time.sleep(0.05)\n'over'", 20_000);
    jumpMs = jump;
    const ended = await services.executions.wait(TENANT, slow.execution.id);
    expect(ended).toMatchObject({ status: "ok", result: { json: "over" } });
    expect(ended.metrics.durationMs).toBeGreaterThan(200);
    expect(ended.metrics.durationMs).toBeLessThan(20_000);
    expect(ended.metrics.queuedMs).toBeLessThan(20_000);

    const endless = await run("while True: pass", 400);
    jumpMs = -jump;
    const stopped = await services.executions.wait(TENANT, endless.execution.id);
    expect(stopped.status).toBe("timeout");
    expect(stopped.metrics.durationMs).toBeLessThan(20_000);

    // Longer than the sweepers for idle sessions and lifetimes take to look.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await services.sessions.get(TENANT, session.id)).status).toBe("ready");
    const events = await services.executions.events(TENANT, slow.execution.id, { afterSeq: 0, limit: 100 });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    await services.sessions.close(TENANT, session.id);
  },
);
