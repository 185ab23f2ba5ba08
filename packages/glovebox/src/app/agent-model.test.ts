import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { type Config, ConfigSchema } from "../config/schema.ts";
import { startModelServer } from "../models/testing/model-server.ts";
import { openModel } from "./agent-model.ts";

const KEY = "GLOVEBOX_TEST_MODEL_KEY";
const settings = (model: object) =>
  (ConfigSchema.parse({ dataDir: "/nowhere", agents: { model } }) as Config).agents.model;

afterEach(() => {
  vi.unstubAllEnvs();
});

test("agents ask the configured model, at its address, with its key and seed", async () => {
  await using server = await startModelServer({ text: "yes" });
  vi.stubEnv(KEY, "the key");
  const configured = { provider: "openai", baseUrl: `${server.url}/v1`, model: "coder", apiKeyEnv: KEY, seed: 42 };
  const models = await openModel(settings(configured));
  for (const name of ["default", "coder"]) {
    const found = await models?.("default", name);
    if (found === undefined) throw new Error("no model");
    const { provider, model, seed } = found;
    expect((await provider.ask({ model, seed, messages: [{ role: "user", text: "really?" }] })).text).toBe("yes");
  }
  expect(server.asked).toHaveLength(2);
  expect(server.asked[0]).toMatchObject({
    path: "/v1/chat/completions",
    headers: { authorization: "Bearer the key" },
    body: { model: "coder", seed: 42 },
  });
  await expect(models?.("default", "another")).rejects.toMatchObject({ code: "unavailable" });
});

test("answers cost what the configuration says, so that budgets in dollars hold", async () => {
  const script = join(await mkdtemp(join(tmpdir(), "glovebox-model-")), "script.json");
  await writeFile(script, JSON.stringify({ answers: [{ text: "x".repeat(4_000) }] }));
  const usageOf = async (more: object) => {
    const models = await openModel(settings({ provider: "scripted", model: "m", script, ...more }));
    const found = await models?.("default", "m");
    return (await found?.provider.ask({ model: "m", messages: [{ role: "user", text: "really?" }] }))?.usage;
  };
  expect(await usageOf({})).not.toHaveProperty("dollars");
  const { inputTokens, outputTokens, dollars } = (await usageOf({ prices: { input: 2, output: 30 } })) ?? {};
  expect(dollars).toBeCloseTo((Number(inputTokens) * 2 + Number(outputTokens) * 30) / 1_000_000, 12);
  expect(dollars).toBeGreaterThan(0.03);
  await rm(dirname(script), { recursive: true });
});

test("without a model there is none, and a key that is named must be there", async () => {
  expect(await openModel(settings({}))).toBeUndefined();
  const keyless = openModel(settings({ provider: "openrouter", model: "coder", apiKeyEnv: KEY }));
  await expect(keyless).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining(KEY) });
});
