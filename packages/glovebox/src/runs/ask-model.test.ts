import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type DurableEngine, defineProgram, openEmbeddedEngine, type Program } from "../engine/index.ts";
import { openProvider, ProviderSettings } from "../models/index.ts";
import { type ModelServer, startModelServer } from "../models/testing/model-server.ts";
import { openStage, type Stage, TENANT } from "../sessions/testing/stage.ts";
import { type AskModelOptions, askModel } from "./ask-model.ts";

describe("a question to a model, as a step", { timeout: 30_000 }, () => {
  let stage: Stage;
  let engine: DurableEngine;
  let server: ModelServer;
  beforeAll(async () => {
    stage = await openStage();
    engine = await openEmbeddedEngine({ store: stage.store, determinism: "strict" });
    server = await startModelServer();
  });
  afterAll(async () => {
    await engine.close();
    await server[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  });

  let counter = 0;
  const asker = (options: AskModelOptions = {}, prices = {}): Program => {
    const settings = { kind: "openai", baseUrl: `${server.url}/v1`, idleTimeoutMs: 500, prices } as const;
    const provider = openProvider(ProviderSettings.parse(settings));
    counter += 1;
    return defineProgram({
      name: `asker-${counter}`,
      version: "1",
      input: z.unknown(),
      output: z.unknown(),
      run: (context, question) =>
        askModel(
          context,
          "ask",
          provider,
          { model: "tiny", messages: [{ role: "user", text: String(question) }] },
          options,
        ),
    });
  };
  const run = async (program: Program, budget = {}) =>
    (await engine.start(program, "how many?", { tenantId: TENANT, budget })).id;
  const result = (id: string) => engine.result(TENANT, id, AbortSignal.timeout(20_000));

  it("is answered once: a replay asks nobody and is identical", async () => {
    server.reply({ text: "forty-two" });
    const said: string[] = [];
    const id = await run(asker({ onText: (text) => said.push(text) }));
    expect(await result(id)).toMatchObject({ text: "forty-two" });
    const asked = server.asked.length;
    expect(await engine.replay(TENANT, id)).toMatchObject({ identical: true });
    expect(await engine.replay(TENANT, id, { live: true })).toMatchObject({ identical: true });
    expect(server.asked.length).toBe(asked);
    expect(said.join("")).toBe("forty-two");
    const types: string[] = [];
    for await (const { type } of engine.journal(TENANT, id)) types.push(type);
    expect(types).toEqual(expect.arrayContaining(["llm.called", "llm.answered", "budget.updated"]));
  });

  it("counts tokens and dollars, and stops where the budget ends", async () => {
    server.reply({ text: "ok" });
    const prices = { tiny: { input: 1_000, output: 1_000 } };
    const id = await run(asker({}, prices));
    await result(id);
    expect((await engine.get(TENANT, id)).usage).toMatchObject({ tokens: 18, dollars: 0.018 });
    const poor = await run(asker({}, prices), { tokens: 17 });
    await expect(result(poor)).rejects.toMatchObject({ code: "budget_exceeded", details: { what: "tokens" } });
  });

  it("is asked again where that may help, and says of the text that it begins anew", async () => {
    let attempts = 0;
    server.reply(() => {
      attempts += 1;
      return attempts === 1 ? { text: "half of it, then", fault: { kind: "die", after: 3 } } : { text: "all of it" };
    });
    const said: Record<number, string> = {};
    const retry = { maxAttempts: 2, firstDelayMs: 1 };
    const onText = (text: string, attempt: number) => {
      said[attempt] = (said[attempt] ?? "") + text;
    };
    expect(await result(await run(asker({ retry, onText })))).toMatchObject({ text: "all of it" });
    expect(said[2]).toBe("all of it");
    server.reply({ fault: { kind: "status", status: 401 } });
    const before = server.asked.length;
    await expect(result(await run(asker({ retry })))).rejects.toMatchObject({ code: "permission_denied" });
    expect(server.asked.length).toBe(before + 1);
  });

  it("can be asked of another model in a fork", async () => {
    server.reply(({ body }) => ({ text: `I am ${body.model}` }));
    const id = await run(asker());
    expect(await result(id)).toMatchObject({ text: "I am tiny" });
    const fork = await engine.fork(TENANT, id, { step: "ask", patch: { model: "big" } });
    expect(await fork.result(AbortSignal.timeout(20_000))).toMatchObject({ text: "I am big" });
  });

  it("stops asking when the run is cancelled", async () => {
    server.reply({ text: "word ".repeat(2_000), pauseMs: 10 });
    const begun = Promise.withResolvers<void>();
    const id = await run(asker({ onText: () => begun.resolve() }));
    await begun.promise;
    await engine.cancel(TENANT, id);
    await expect(result(id)).rejects.toMatchObject({ code: "cancelled" });
  });
});
