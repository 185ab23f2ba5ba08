import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEmbedder } from "./open-embedder.ts";
import { ProviderSettings } from "./provider-settings.ts";

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly texts: readonly string[];
}

const KINDS = { ollama: "", openai: "/v1" } as const;

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("the embedder of %s", (kind) => {
  let server: Server;
  let asked: Asked[];
  let answer: (texts: readonly string[]) => unknown;

  beforeEach(async () => {
    asked = [];
    answer = (texts) => texts.map((text) => [text.length, 0, 0]);
    server = createServer(async (request, response) => {
      const body = (await json(request)) as { readonly input: string | readonly string[] };
      const texts = typeof body.input === "string" ? [body.input] : body.input;
      asked.push({ path: request.url ?? "", authorization: request.headers.authorization, texts });
      const said = answer(texts);
      if (said === undefined) return;
      if (typeof said === "number") {
        response
          .writeHead(said, { "content-type": "application/json", "retry-after": "2" })
          .end('{"error":{"message":"no"}}');
        return;
      }
      const vectors = said as readonly unknown[];
      const openai = {
        object: "list",
        model: "m",
        data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })),
        usage: { prompt_tokens: 1, total_tokens: 1 },
      };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(kind === "ollama" ? { model: "m", embeddings: vectors } : openai));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const open = () => {
    const { port } = server.address() as AddressInfo;
    const baseUrl = `http://127.0.0.1:${port}${KINDS[kind]}`;
    const provider = ProviderSettings.parse({ kind, baseUrl, apiKey: "the-key", idleTimeoutMs: 500 });
    return openEmbedder({ provider, model: "m", dimensions: 3 });
  };

  it("gives a vector of length 1 for each text, in order, in requests that are not too large", async () => {
    const texts = Array.from({ length: 130 }, (_, n) => "x".repeat(n));
    const vectors = await open().embed(texts);
    expect(vectors).toHaveLength(130);
    expect([...(vectors[0] ?? [])]).toEqual([0, 0, 0]);
    expect([...(vectors[129] ?? [])]).toEqual([1, 0, 0]);
    expect(asked.flatMap((one) => one.texts)).toEqual(texts);
    expect(Math.max(...asked.map((one) => one.texts.length))).toBeLessThanOrEqual(64);
    expect(asked[0]?.authorization).toBe("Bearer the-key");
  });

  const faults: readonly (readonly [string, (texts: readonly string[]) => unknown, string])[] = [
    ["too few vectors", () => [], "model_unavailable"],
    ["another length", () => [[1, 2]], "model_unavailable"],
    ["what is no number", () => [[1, null, 2]], "model_unavailable"],
    ["too many requests", () => 429, "rate_limited"],
    ["a wrong key", () => 401, "permission_denied"],
    ["an error of its own", () => 500, "model_unavailable"],
    ["nothing", () => undefined, "timeout"],
  ];
  it.each(faults)("says so when the server answers with %s", async (_what, said, code) => {
    answer = said;
    await expect(open().embed(["a"])).rejects.toMatchObject({ code });
  });

  it("ends with its signal", async () => {
    answer = () => undefined;
    const end = new AbortController();
    const embedding = open().embed(["a"], end.signal);
    end.abort();
    await expect(embedding).rejects.toMatchObject({ code: "cancelled" });
  });
});

it("a provider without vectors is refused", () => {
  const provider = ProviderSettings.parse({ kind: "anthropic" });
  expect(() => openEmbedder({ provider, model: "m", dimensions: 3 })).toThrow(
    expect.objectContaining({ code: "invalid_argument" }) as Error,
  );
});
