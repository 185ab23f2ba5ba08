import { Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { answerWith, useChat } from "../support/chat.ts";

const stage = useChat({
  assistants: { py: { execution: { enabled: true } } },
  env: { GLOVEBOX_POOLS_BUBBLEWRAP_MIN: "1" },
});

type Figures = ReadonlyMap<string, number>;

/** Prometheus' text format, line by line: `name{label="value",…}` to its number. Throws at a line that is none of it. */
function parse(text: string): Figures {
  const figures = new Map<string, number>();
  const declared = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ")) continue;
    const [, of, type] = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (of !== undefined && type !== undefined) {
      declared.set(of, type);
      continue;
    }
    const [, name, labels = "", value] =
      /^([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? (\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a line of the format: ${line}`);
    const family = declared.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    expect([...declared.keys()]).toContain(family);
    figures.set(name + labels, Number(value));
  }
  return figures;
}

const scrape = (token = stage.server.token) =>
  fetch(`${stage.server.url}/metrics`, { headers: token === "" ? {} : { authorization: `Bearer ${token}` } });

async function look(): Promise<{ readonly figures: Figures; readonly text: string }> {
  const response = await scrape();
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const text = await response.text();
  return { figures: parse(text), text };
}

async function full(): Promise<void> {
  await expect.poll(async () => (await stage.box.pools.show("python")).ready, { timeout: 60_000 }).toBe(1);
}

test("figures move with what is really done, and name nobody", { timeout: 120_000 }, async () => {
  const { box, model } = stage;
  await full();
  const before = (await look()).figures;

  const session = await box.sessions.create({ template: "python", metadata: { note: "users-own-word" } });
  await session.run("print('users-own-word')");
  await session.run("raise ValueError('users-own-word')").catch(() => {});
  const snapshot = await session.snapshots.create({ name: "users-own-word" });
  await session.rollback(snapshot.id);
  const forks = await session.fork({ count: 1 });
  await expect(box.sessions.get("01a20166-17ac-7001-8a1b-9d906f7b0659")).rejects.toMatchObject({ code: "not_found" });
  const missed = await box.sessions.create({ template: "python", limits: { memoryMb: 300 } });
  await box.templates.create({ name: "users-own-word", isolation: "bubblewrap", pool: { min: 1, max: 1 } });
  model.reply({ text: answerWith("print('by the model')") });
  await stage.say("py", "Run it.");
  model.reply({ fault: { kind: "status", status: 401 } });
  await stage.say("py", "Once more.");
  await fetch(`${stage.server.url}/webhooks/github`, { method: "POST", body: "{}" });
  await full();

  const { figures, text } = await look();
  const moved = (name: string) => (figures.get(name) ?? 0) - (before.get(name) ?? 0);
  const isolation = 'isolation="bubblewrap"';
  const time = (what: string, labels: string) => moved(`glovebox_${what}_duration_seconds_count{${labels}}`);
  expect({
    creates: time("http_request", 'operation="sessions.create",status="2xx"'),
    refused: time("http_request", 'operation="sessions.get",status="4xx"'),
    fromPool: time("session_create", `${isolation},source="pool",outcome="ok"`) >= 1,
    taken: time("pool_take", isolation) >= 1,
    hits: moved(`glovebox_pool_hits_total{${isolation}}`) >= 1,
    otherLimits: moved(`glovebox_pool_misses_total{${isolation},reason="limits"}`),
    refilled: time("pool_refill", `${isolation},outcome="ok"`) >= 1,
    ran: time("execution", `kind="repl",${isolation},status="ok"`) >= 1,
    failed: time("execution", `kind="repl",${isolation},status="error"`) >= 1,
    // The second is what a rollback keeps of the present.
    snapshots: time("snapshot", `action="take",${isolation},outcome="ok"`),
    rollbacks: time("snapshot", `action="rollback",${isolation},outcome="ok"`),
    forks: time("snapshot", `action="fork",${isolation},outcome="ok"`),
    notFound: moved('glovebox_errors_total{code="not_found"}'),
    webhooks: time("webhook", 'forge="github",status="4xx"'),
    steps: time("run_step", 'outcome="ok"') >= 2,
    answered: time("model_call", 'provider="openai",outcome="ok"'),
    unanswered: time("model_call", 'provider="openai",outcome="error"'),
  }).toEqual({
    ...{ creates: 2, refused: 1, fromPool: true, taken: true, hits: true, otherLimits: 1, refilled: true },
    ...{ ran: true, failed: true, snapshots: 2, rollbacks: 1, forks: 1, notFound: 1, webhooks: 1, steps: true },
    ...{ answered: 1, unanswered: 1 },
  });
  expect(figures.get(`glovebox_pool_target{${isolation}}`)).toBeGreaterThanOrEqual(1);
  expect(figures.get(`glovebox_sessions_live{${isolation}}`)).toBeGreaterThanOrEqual(3);
  expect(figures.get("glovebox_memory_short")).toBe(0);
  expect(figures.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  const seconds = figures.get(`glovebox_session_create_duration_seconds_sum{${isolation},source="pool",outcome="ok"}`);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(60);

  expect(text).not.toContain("users-own-word");
  expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  for (const one of [session, missed, ...forks.sessions]) await one.close();
});

test("only operators of the first tenant may look", async () => {
  const box = new Glovebox({ url: stage.server.url, token: stage.server.token });
  const viewer = await box.tokens.create({ name: "viewer", roles: ["developer"] });
  const operator = await box.tokens.create({ name: "prometheus", roles: ["operator"] });
  const stranger = await box.tokens.create({ name: "stranger", roles: ["admin"], tenantId: "other" });
  const statuses = await Promise.all(
    ["", viewer.secret, stranger.secret, operator.secret].map(async (token) => (await scrape(token)).status),
  );
  expect(statuses).toEqual([401, 403, 404, 200]);
});
