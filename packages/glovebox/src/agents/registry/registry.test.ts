import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Agent } from "../agent.ts";
import { summary } from "../messages/make-message.ts";
import type { AgentResult } from "../messages/result.ts";
import { type AgentsStage, openAgentsStage, principal, TENANT } from "../testing/agents-stage.ts";
import type { TaskLease } from "./agent-service.ts";

const NEVER = new AbortController().signal;
const NOTHING_USED = { tokensUsed: 0, timeMs: 0, toolCalls: 0 };
const DONE = { delta: { kind: "summary", text: "done" }, artifacts: [], newTasks: [] };

/** Does what its payload says. */
const obedient: Agent<{
  readonly say?: string | undefined;
  readonly fail?: string | undefined;
  readonly spend?: number | undefined;
  readonly sleep?: number | undefined;
  readonly answer?: unknown;
}> = {
  name: "obedient",
  capabilities: ["codegen", "x-echo"],
  description: "Does as it is told",
  payload: z.strictObject({
    say: z.string().optional(),
    fail: z.string().optional(),
    spend: z.number().optional(),
    sleep: z.number().optional(),
    answer: z.unknown().optional(),
  }),
  work: async ({ run }, { payload: { say = "", fail, spend = 0, sleep, answer } }) => {
    if (fail === "unavailable" || fail === "conflict") throw new GloveboxError(fail, "as asked");
    if (fail !== undefined) throw new Error(fail);
    await run.step("spend", { spend }, (_input, step) => step.spend({ tokens: spend, toolCalls: 1 }));
    await run.step("again", {}, () => {});
    if (sleep !== undefined) await run.sleep(sleep);
    return answer === undefined ? summary(say) : (answer as never);
  },
};

describe("built-in agents", () => {
  let stage: AgentsStage;
  beforeAll(async () => {
    stage = await openAgentsStage({ builtIn: [obedient] });
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const ask = async (payload: Record<string, unknown>, more: Record<string, unknown> = {}) => {
    const id = await stage.start("ask", (desk, host) =>
      desk.dispatch(host, { type: "codegen", id: "t-1", payload, ...more }),
    );
    const answer = (await stage.engine.result(TENANT, id)) as AgentResult;
    expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    return answer;
  };

  test("do a task in the program, chosen by type or by name; what goes wrong is an answer, and says whether another attempt may help", async () => {
    expect(await ask({ say: "hello" })).toMatchObject({
      type: "codegen",
      id: "t-1",
      agent: "obedient",
      payload: { delta: { text: "hello" } },
      metrics: NOTHING_USED,
    });
    expect(await ask({ say: "by name" }, { agent: "obedient", type: "x-echo" })).toMatchObject({ type: "x-echo" });
    const errorOf = async (payload: Record<string, unknown>, more?: Record<string, unknown>) =>
      ((await ask(payload, more)) as unknown as { error: unknown }).error;
    expect(await errorOf({ fail: "unavailable" })).toMatchObject({ code: "unavailable", retryable: true });
    expect(await errorOf({ fail: "conflict" })).toMatchObject({ code: "conflict", retryable: false });
    expect(await errorOf({ fail: "a bug" })).toMatchObject({ code: "internal", message: "a bug" });
    expect(await errorOf({ other: 1 })).toMatchObject({ code: "invalid_argument" });
    expect(await errorOf({ answer: { delta: { kind: "diff" } } })).toMatchObject({ code: "invalid_argument" });
    expect(await errorOf({}, { type: "debug" })).toMatchObject({ code: "unavailable", retryable: true });
    expect(await errorOf({}, { type: "debug", agent: "obedient" })).toMatchObject({ code: "invalid_argument" });
    expect(await errorOf({}, { agent: "nobody-here" })).toMatchObject({ code: "not_found" });
    expect(await errorOf({ sleep: 60_000 }, { constraints: { timeoutMs: 5 } })).toMatchObject({
      code: "deadline_exceeded",
    });
    expect(await errorOf({ spend: 11 }, { constraints: { budget: { tokens: 10 } } })).toMatchObject({
      code: "budget_exceeded",
      details: { what: "tokens" },
    });
    expect(await ask({ spend: 9 }, { constraints: { budget: { tokens: 10 } } })).toMatchObject({ agent: "obedient" });
  });

  test("what is no task ends the program, and a run that is cancelled is no answer", async () => {
    for (const bad of [{ protocolVersion: 2 }, { id: "../x" }, { type: "x-" }, { unknown: 1 }]) {
      const id = await stage.start("bad", (desk, host) =>
        desk.dispatch(host, { type: "codegen", id: "t", payload: {}, ...bad } as never),
      );
      await expect(stage.engine.result(TENANT, id)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    const id = await stage.start("ask", (desk, host) =>
      desk.dispatch(host, { type: "codegen", id: "t-1", payload: { sleep: 60_000 } }),
    );
    await expect.poll(async () => (await stage.agents.service.get(TENANT, "obedient")).load).toBe(1);
    await stage.engine.cancel(TENANT, id);
    await expect(stage.engine.result(TENANT, id)).rejects.toMatchObject({ code: "cancelled" });
    await expect.poll(async () => (await stage.agents.service.get(TENANT, "obedient")).load).toBe(0);
  });

  test("a single task is a run of its own, whose answer says how long it took and what it used", async () => {
    const { service } = stage.agents;
    const id = await service.run(TENANT, "obedient", { payload: { spend: 7 } }, undefined);
    expect(await service.answer(TENANT, id, NEVER)).toMatchObject({
      type: "codegen",
      metrics: { tokensUsed: 7, toolCalls: 1, timeMs: expect.any(Number) },
    });
    await expect(service.run(TENANT, "obedient", { type: "debug", payload: {} }, undefined)).rejects.toMatchObject({
      code: "invalid_argument",
    });
    const unknown = await service.run(TENANT, "obedient", { payload: {}, model: "none" }, undefined);
    await expect(service.answer(TENANT, unknown, NEVER)).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("outside agents", { timeout: 60_000 }, () => {
  let stage: AgentsStage;
  beforeAll(async () => {
    stage = await openAgentsStage({ builtIn: [obedient] });
    for (const name of ["ann", "bob"]) {
      await stage.agents.service.register(principal(`token-${name}`), { name, capabilities: ["x-work"] });
    }
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  const lease = (name: string, leaseMs = 60_000, waitMs = 20_000) =>
    stage.agents.service.lease(principal(`token-${name}`), { agent: name, waitMs, leaseMs }, NEVER);
  const leased = async (name: string, leaseMs?: number): Promise<TaskLease> => {
    const found = await lease(name, leaseMs);
    if (found === undefined) throw new Error(`nothing for ${name}`);
    return found;
  };
  const complete = (name: string, { id, leaseId }: TaskLease, payload: unknown = DONE) =>
    stage.agents.service.complete(principal(`token-${name}`), id, { leaseId, payload, metrics: NOTHING_USED });
  const dispatch = (more: Record<string, unknown> = {}, program = "outside") =>
    stage.start(program, (desk, host) =>
      desk.dispatch(host, { type: "x-work", id: "t-1", payload: { key: "value" }, ...more }),
    );
  const result = (id: string) => stage.engine.result(TENANT, id) as Promise<AgentResult & { error?: unknown }>;

  test("get the task of the least loaded, answer it once, and the run goes on; replayed from the journal", async () => {
    const id = await dispatch();
    const found = await leased("ann");
    expect(found).toMatchObject({
      attempt: 1,
      task: {
        type: "x-work",
        id: "t-1",
        runId: id,
        agent: "ann",
        payload: { key: "value" },
        constraints: { idempotencyKey: `${id}/t-1` },
        protocolVersion: 1,
      },
    });
    expect(await lease("ann", 1_000, 0)).toBeUndefined();
    expect(await stage.agents.service.get(TENANT, "ann")).toMatchObject({ status: "busy", load: 1 });
    await expect(complete("ann", found, { ...DONE, more: 1 })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(complete("bob", found)).rejects.toMatchObject({ code: "permission_denied" });
    // Nobody can make a run believe that its task is done.
    await stage.engine.signal(TENANT, id, `task:${found.id}`, { payload: "forged" });
    await complete("ann", found);
    await expect(complete("ann", found)).rejects.toMatchObject({ code: /conflict|not_found/ });
    expect(await result(id)).toMatchObject({ agent: "ann", payload: { delta: { text: "done" } } });
    expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    await expect.poll(async () => (await stage.agents.service.tasks(TENANT, { runId: id })).items).toEqual([]);
  });

  test("who is silent until the lease is over loses the task to another, and is refused when he answers late", async () => {
    const id = await dispatch();
    const first = await leased("ann", 50);
    const second = await leased("bob");
    expect(second).toMatchObject({ id: first.id, attempt: 2, task: { agent: "bob" } });
    expect(second.leaseId).not.toBe(first.leaseId);
    await expect(complete("ann", first)).rejects.toMatchObject({ code: "conflict" });
    await expect(
      stage.agents.service.extend(principal("token-ann"), first.id, { leaseId: first.leaseId }),
    ).rejects.toMatchObject({ code: "conflict" });
    await complete("bob", second);
    expect(await result(id)).toMatchObject({ agent: "bob" });
  });

  test("who says more in time keeps it", async () => {
    const id = await dispatch();
    const found = await leased("ann", 300);
    for (let i = 0; i < 4; i += 1) {
      await delay(100);
      await stage.agents.service.extend(principal("token-ann"), found.id, { leaseId: found.leaseId, leaseMs: 1_000 });
    }
    await complete("ann", found);
    expect(await result(id)).toMatchObject({ agent: "ann" });
  });

  test("only what may help is tried again, by another; after three attempts a task is dead, with a summary", async () => {
    const failing = async (name: string, code: string, retryable: boolean) => {
      const found = await leased(name);
      const error = { code, message: `${name} cannot`, retryable };
      return stage.agents.service.fail(principal(`token-${name}`), found.id, { leaseId: found.leaseId, error });
    };
    const final = await dispatch();
    expect(await failing("ann", "test_failed", false)).toMatchObject({ state: "failed" });
    expect(await result(final)).toMatchObject({ agent: "ann", error: { code: "test_failed", retryable: false } });

    const poison = await dispatch();
    for (const name of ["ann", "bob"]) expect(await failing(name, "internal", true)).toMatchObject({ state: "queued" });
    expect(await failing("ann", "internal", true)).toMatchObject({ state: "dead" });
    expect(await result(poison)).toMatchObject({ error: { code: "internal", message: "ann cannot" } });
    const { items } = await stage.agents.service.tasks(TENANT, { state: ["dead"] });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      runId: poison,
      attempts: [{ agent: "ann" }, { agent: "bob" }, { agent: "ann" }],
      summary: "x-work failed 3 times. ann: internal: ann cannot; bob: internal: bob cannot; ann: internal: ann cannot",
    });
  });

  test("what an agent says that it used counts towards the budgets of its task and its run", async () => {
    const used = async (metrics: typeof NOTHING_USED, more: Record<string, unknown>) => {
      const id = await dispatch(more);
      const found = await leased("ann");
      const { leaseId } = found;
      await stage.agents.service.complete(principal("token-ann"), found.id, { leaseId, payload: DONE, metrics });
      const answer = await result(id);
      expect(await stage.engine.replay(TENANT, id)).toMatchObject({ identical: true });
      return { answer, usage: (await stage.engine.get(TENANT, id)).usage };
    };
    const metrics = { tokensUsed: 70, timeMs: 5, toolCalls: 2 };
    expect(await used(metrics, {})).toMatchObject({ answer: { metrics }, usage: { tokens: 70, toolCalls: 2 } });
    expect(await used(metrics, { constraints: { budget: { tokens: 70 } } })).toMatchObject({ answer: { metrics } });
    expect(await used(metrics, { constraints: { budget: { tokens: 69 } } })).toMatchObject({
      answer: { error: { code: "budget_exceeded", details: { what: "tokens" } } },
    });
    const late = await dispatch({ constraints: { budget: { wallMs: 100 } } });
    expect(await result(late)).toMatchObject({ error: { code: "budget_exceeded", details: { what: "wallMs" } } });
  });

  test("a task that was asked of one agent waits for it, up to its time", async () => {
    const id = await dispatch({ agent: "bob", constraints: { timeoutMs: 300 } });
    expect(await lease("ann", 1_000, 100)).toBeUndefined();
    expect(await result(id)).toMatchObject({ error: { code: "deadline_exceeded" } });
    expect(await lease("bob", 1_000, 0)).toBeUndefined();
    const missing = await dispatch({ agent: "carl" });
    expect(await result(missing)).toMatchObject({ error: { code: "not_found" } });
  });

  test("a run that is cancelled takes its task along, and its holder finds out", async () => {
    const id = await dispatch();
    const found = await leased("ann");
    await stage.engine.cancel(TENANT, id);
    await expect(result(id)).rejects.toMatchObject({ code: "cancelled" });
    const extend = () => stage.agents.service.extend(principal("token-ann"), found.id, { leaseId: found.leaseId });
    await expect.poll(() => extend().catch((error: GloveboxError) => error.code)).toBe("not_found");
  });

  test("names are unique, those of built-in agents taken, and nobody speaks for another's, nor sees another tenant's", async () => {
    const { service } = stage.agents;
    const claim = (name: string, tokenId: string, change = {}) =>
      service.register(principal(tokenId, change), { name, capabilities: ["x-work"] });
    for (const name of ["obedient", "schemas", "ann"]) {
      await expect(claim(name, "token-eve")).rejects.toMatchObject({ code: "already_exists" });
    }
    await expect(service.heartbeat(principal("token-eve"), "ann")).rejects.toMatchObject({ code: "permission_denied" });
    await expect(service.remove(principal("token-eve"), "ann")).rejects.toMatchObject({ code: "permission_denied" });
    const other = principal("token-eve", { tenantId: "other" });
    await expect(service.lease(other, { agent: "ann" }, NEVER)).rejects.toMatchObject({ code: "not_found" });
    expect((await service.list("other")).map(({ name }) => name)).toEqual(["obedient"]);
    await claim("ann", "token-eve", { tenantId: "other" });
    const id = await dispatch();
    expect(await service.lease(other, { agent: "ann" }, NEVER)).toBeUndefined();
    const found = await leased("ann");
    await expect(
      service.complete(other, found.id, { leaseId: found.leaseId, payload: DONE, metrics: NOTHING_USED }),
    ).rejects.toMatchObject({ code: "not_found" });
    await complete("ann", found);
    await result(id);
  });

  test("the queue, its leases and what runs have not heard of survive the server", async () => {
    const id = await dispatch();
    const found = await leased("ann");
    const waiting = await dispatch({ agent: "bob", id: "t-2" }, "another");
    await expect
      .poll(async () => (await stage.agents.service.tasks(TENANT, { state: ["queued"] })).items.length)
      .toBe(1);
    // As if the server ended between keeping the answer and telling the run.
    const record = await stage.store.agentTasks.get(TENANT, found.id);
    if (record === undefined) throw new Error("it is leased");
    const { lease: _lease, ...rest } = record;
    const answer = { type: "x-work", id: "t-1", runId: id, agent: "ann", payload: DONE, metrics: NOTHING_USED };
    await stage.store.agentTasks.change(
      record,
      { ...rest, state: "completed" },
      { answer: { ...answer, protocolVersion: 1 }, maxDead: 1 },
    );
    await stage.reopen();
    expect(await result(id)).toMatchObject({ agent: "ann" });
    await complete("bob", await leased("bob"));
    expect(await result(waiting)).toMatchObject({ id: "t-2", agent: "bob" });
  });
});
