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

test("without a model there is none, and a key that is named must be there", async () => {
  expect(await openModel(settings({}))).toBeUndefined();
  const keyless = openModel(settings({ provider: "openrouter", model: "coder", apiKeyEnv: KEY }));
  await expect(keyless).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining(KEY) });
});
