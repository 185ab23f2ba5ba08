import { expect, test } from "vitest";
import { newId, silentLogger } from "../../core/index.ts";
import { openStage, TENANT } from "../testing/stage.ts";
import { DecisionEvents } from "./decision-events.ts";

test("a session's stream has what the proxy decided, up to a bound, and says when there was more", async () => {
  await using stage = await openStage();
  const stream = { tenantId: TENANT, kind: "session" as const, id: newId() };
  const events = new DecisionEvents({ events: stage.store.events, stream, logger: silentLogger });
  for (let port = 1; port <= 10_050; port += 1) {
    events.add({ allowed: port % 2 === 0, code: "c", reason: "r", host: "h.test", port, method: "GET", path: "/p" });
  }
  const read = () => stage.store.events.read(stream, { limit: 10_000 });
  await expect.poll(async () => (await read()).length, { timeout: 20_000 }).toBe(10_000);
  expect(await stage.store.events.read(stream, { afterSeq: 10_000 })).toEqual([]);
  const stored = await read();
  expect(stored[0]?.payload).toEqual({
    level: "warn",
    code: "egress_refused",
    message: "GET h.test:1/p: r",
    details: { host: "h.test", port: 1, reason: "c", method: "GET", path: "/p" },
  });
  expect(stored[1]?.payload).toMatchObject({ level: "info", code: "egress_allowed" });
  expect(stored.at(-1)?.payload).toMatchObject({ code: "egress_events_truncated" });
});

test("a stream that is closed already stops nobody, and the log says so", async () => {
  await using stage = await openStage();
  const stream = { tenantId: TENANT, kind: "session" as const, id: newId() };
  const decision = { allowed: true, code: "c", reason: "r", host: "h.test", port: 1 };
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: unknown, message: string) => void warnings.push(message) };
  const events = new DecisionEvents({ events: stage.store.events, stream, logger });
  events.add(decision);
  await expect.poll(async () => (await stage.store.events.read(stream)).length).toBe(1);
  await stage.store.events.close(stream);
  events.add(decision);
  await expect.poll(() => warnings.length).toBe(1);
  events.add(decision);
  await expect.poll(() => warnings.length).toBe(2);
  expect(await stage.store.events.read(stream)).toHaveLength(1);
});
