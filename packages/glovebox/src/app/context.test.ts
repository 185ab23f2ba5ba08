import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { expect, test } from "vitest";
import { loadConfig } from "../config/index.ts";
import { silentLogger } from "../core/index.ts";
import { openContext } from "./context.ts";

const configOf = (dataDir: string, flags: Readonly<Record<string, unknown>>) =>
  loadConfig({ flags: { dataDir, ...flags }, env: {} }).config;

test("an embedder without what it needs is refused", async () => {
  const kind = { "context.embedder.kind": "openai", "context.embedder.model": "m" };
  expect(() => configOf("/tmp", kind)).toThrow(/dimensions/);
  expect(() => configOf("/tmp", { ...kind, "context.embedder.dimensions": 3 })).toThrow(/baseUrl/);
  const whole = { ...kind, "context.embedder.dimensions": 3, "context.embedder.baseUrl": "http://127.0.0.1:1/v1" };
  const config = configOf("/tmp", { ...whole, "context.embedder.apiKeyEnv": "GLOVEBOX_TEST_NOT_SET" });
  expect(() => openContext(config, silentLogger)).toThrow(/GLOVEBOX_TEST_NOT_SET/);
});

test("the configured embedder is asked, with its key", async () => {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    const { input, model } = (await json(request)) as { readonly input: readonly string[]; readonly model: string };
    asked.push([request.headers.authorization, model]);
    const data = input.map((text, index) => ({ index, embedding: [text.length, 1, 0] }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data }));
  }).listen(0, "127.0.0.1");
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-context-app-"));
  process.env.GLOVEBOX_TEST_KEY = "the-key";
  try {
    const { port } = server.address() as AddressInfo;
    const config = configOf(dataDir, {
      "context.readers": 1,
      "context.embedder.kind": "openai",
      "context.embedder.baseUrl": `http://127.0.0.1:${port}/v1`,
      "context.embedder.model": "small",
      "context.embedder.dimensions": 3,
      "context.embedder.apiKeyEnv": "GLOVEBOX_TEST_KEY",
    });
    await using store = openContext(config, silentLogger);
    await store.add("t", [{ kind: "text", path: "a", content: "one", origin: "test" }]);
    await expect.poll(() => asked, { timeout: 20_000 }).toContainEqual(["Bearer the-key", "small"]);
  } finally {
    delete process.env.GLOVEBOX_TEST_KEY;
    server.close();
    await rm(dataDir, { recursive: true });
  }
});
