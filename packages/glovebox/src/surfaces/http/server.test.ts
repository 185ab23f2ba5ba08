import { connect } from "node:net";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../core/index.ts";
import { createAddressList, createTokenBucket } from "../../governance/index.ts";
import { OPERATIONS, type Operation } from "../operations/index.ts";
import { listen } from "./listen.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => await server[Symbol.asyncDispose]());

async function errorOf(response: Response): Promise<{
  status: number;
  code: string;
  message: string;
  details: Record<string, unknown>;
  requestId: string;
  traceId: string;
}> {
  const body = (await response.json()) as {
    error: { code: string; message: string; details?: Record<string, unknown>; requestId: string; traceId: string };
  };
  expect(Object.keys(body)).toEqual(["error"]);
  const { error } = body;
  expect(JSON.stringify(error)).not.toMatch(/node_modules|\.ts:\d|at .*\(/);
  return { status: response.status, details: {}, ...error };
}

/** Sends bytes as they are, and gives the whole answer. */
async function raw(bytes: string | Buffer): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
  socket.end(bytes);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe("the HTTP surface", () => {
  it("answers health and ready without a token", async () => {
    const health = await fetch(`${server.url}/v1/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: "ok", version: "0.0.0-test" });
    expect(health.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    const ready = await fetch(`${server.url}/v1/ready`);
    expect(await ready.json()).toEqual({ ready: true });
    expect((await fetch(`${server.url}/v1/health`, { method: "HEAD" })).status).toBe(200);
  });

  it("gives the client's request id and trace back", async () => {
    const headers = {
      "x-request-id": "mine-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    const response = await server.request("/v1/nothing", { headers });
    const error = await errorOf(response);
    expect(error).toMatchObject({
      status: 404,
      code: "not_found",
      requestId: "mine-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
    });
    expect(response.headers.get("x-request-id")).toBe("mine-1");
    const bad = await server.request("/v1/nothing", { headers: { "x-request-id": "a b" } });
    expect((await errorOf(bad)).requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("refuses every operation without a token, in the same words whatever is wrong", async () => {
    for (const [id, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
      if (operation.minimumRole === "public") continue;
      const path = operation.path.replaceAll(/\{\w+\}/g, "x");
      const response = await fetch(server.url + path, { method: operation.method });
      expect([id, response.status]).toEqual([id, 401]);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      const code = operation.dialect === "openai" ? "invalid_api_key" : "unauthenticated";
      expect((await errorOf(response)).code, id).toBe(code);
    }
    const texts = new Set<string>();
    for (const headers of [
      {},
      { authorization: "Bearer gbx_wrong" },
      { authorization: "Basic eA==" },
      { "x-api-key": "x".repeat(40) },
    ]) {
      texts.add(
        (await errorOf(await fetch(`${server.url}/v1/whoami`, { headers: headers as Record<string, string> }))).message,
      );
    }
    expect(texts.size).toBe(1);
  });

  it("takes the token as a bearer or as X-API-Key, and knows whose it is", async () => {
    const byKey = await fetch(`${server.url}/v1/whoami`, { headers: { "x-api-key": server.root } });
    expect(await byKey.json()).toMatchObject({ tenantId: "default", name: "root", root: true });
    const secret = await server.token(["viewer"], "acme");
    const byBearer = await server.request("/v1/whoami", { headers: { authorization: `Bearer ${secret}` } });
    expect(await byBearer.json()).toMatchObject({ tenantId: "acme", roles: ["viewer"], root: false });
  });

  it("holds every operation to its minimum role", async () => {
    const secret = await server.token(["viewer"]);
    for (const [id, operation] of Object.entries(OPERATIONS) as [string, Operation][]) {
      if (operation.minimumRole === "public" || operation.minimumRole === "viewer") continue;
      const path = operation.path.replaceAll(/\{\w+\}/g, "x");
      const response = await server.request(path, {
        method: operation.method,
        headers: { authorization: `Bearer ${secret}` },
      });
      expect([id, response.status]).toEqual([id, 403]);
      expect((await errorOf(response)).code).toBe("permission_denied");
    }
  });

  it("lets only the root token touch what concerns every tenant", async () => {
    const secret = await server.token(["admin"]);
    const headers = { authorization: `Bearer ${secret}` };
    expect(
      (await server.send("PUT", "/v1/retention", { events: 1, executions: 1, closedSessions: 1, runs: 1 }, headers))
        .status,
    ).toBe(403);
    expect((await server.send("POST", "/v1/tokens", { name: "x", tenantId: "other" }, headers)).status).toBe(403);
  });

  it("answers 404 for other paths and 405 with Allow for other methods", async () => {
    expect((await errorOf(await server.request("/nothing"))).code).toBe("not_found");
    const response = await server.request("/v1/sessions/x/close", { method: "GET" });
    expect(response.headers.get("allow")).toBe("POST, OPTIONS");
    expect(await errorOf(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
    // "import" is no run's id.
    const named = await server.request("/v1/runs/import?x=1", { method: "GET" });
    expect(named.headers.get("allow")).toBe("POST, OPTIONS");
    expect(await errorOf(named)).toMatchObject({ status: 405, code: "method_not_allowed" });
    const unasked = await fetch(`${server.url}/v1/whoami`, {
      method: "PATCH",
      body: "{",
      headers: { "content-type": "a/b" },
    });
    expect(await errorOf(unasked)).toMatchObject({ status: 405, code: "method_not_allowed" });
    const patch = await server.request("/v1/templates", { method: "DELETE" });
    expect(patch.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    const options = await fetch(`${server.url}/v1/templates`, { method: "OPTIONS" });
    expect(options.status).toBe(204);
    expect(options.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    expect((await server.request("/v1/whoami", { method: "HEAD" })).status).toBe(200);
  });

  it.each([
    ["no JSON", "{", ""],
    ["an empty body", "", ""],
    ["an unknown field", '{"name":"x","colour":1}', "colour"],
    ["a nested wrong type", '{"name":"x","roles":["king"]}', "roles.0"],
    ["a duplicate key", '{"name":"x","name":"y"}', "name"],
    ["a duplicate key in disguise", '{"name":"x","n\\u0061me":"y"}', "name"],
    ["a prototype", '{"name":"x","__proto__":{"root":true}}', "__proto__"],
    ["a tower of arrays", "[".repeat(10_000) + "]".repeat(10_000), ""],
    ["a NUL", '{"name":"a\\u0000b"}', "name"],
    ["an array", "[]", ""],
    ["null", "null", ""],
  ])("refuses %s in a body", async (_name, body, path) => {
    const response = await server.request("/v1/tokens", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 400, code: "invalid_argument" });
    expect(error.details.path).toBe(path);
  });

  it("refuses a body that is not UTF-8, not JSON by name, or too long", async () => {
    const bytes = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const json = { "content-type": "application/json" };
    expect((await server.request("/v1/tokens", { method: "POST", body: bytes, headers: json })).status).toBe(400);
    const form = await server.request("/v1/tokens", {
      method: "POST",
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(await errorOf(form)).toMatchObject({ status: 400, details: { path: "content-type" } });
    const long = await server.request("/v1/tokens", {
      method: "POST",
      body: `"${"x".repeat(40 * 2 ** 20)}"`,
      headers: json,
    });
    expect(await errorOf(long)).toMatchObject({ status: 413, code: "payload_too_large" });
  });

  it("refuses query fields that it does not know, and values of the wrong kind", async () => {
    expect(await errorOf(await server.request("/v1/tokens?x=1"))).toMatchObject({
      status: 400,
      details: { in: "query", path: "x" },
    });
    expect(await errorOf(await server.request("/v1/tokens?limit=0"))).toMatchObject({
      status: 400,
      details: { path: "limit" },
    });
    expect(await errorOf(await server.request("/v1/tokens?limit=1e1"))).toMatchObject({ status: 400 });
    expect(await errorOf(await server.request("/v1/tokens?limit=1&limit=2"))).toMatchObject({ status: 400 });
    expect(await errorOf(await server.request("/v1/tokens?cursor=nonsense"))).toMatchObject({ status: 400 });
    expect((await server.request("/v1/whoami?x=1")).status).toBe(400);
  });

  it("refuses ids that are none, and answers 404 for those that are unknown", async () => {
    expect(await errorOf(await server.request("/v1/tokens/nope", { method: "DELETE" }))).toMatchObject({
      status: 400,
      details: { in: "path", path: "id" },
    });
    expect((await server.request("/v1/tokens/%00", { method: "DELETE" })).status).toBe(400);
    expect((await server.request("/v1/tokens/%zz", { method: "DELETE" })).status).toBe(400);
    const unknown = "01890000-0000-7000-8000-000000000000";
    expect(await errorOf(await server.request(`/v1/tokens/${unknown}`, { method: "DELETE" }))).toMatchObject({
      status: 404,
      code: "not_found",
    });
  });

  it("answers what is not HTTP with the envelope too", async () => {
    expect(await raw("NONSENSE\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [\s\S]*"invalid_argument"/);
    expect(await raw(`GET /v1/health HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(64 * 1024)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 4\d\d /,
    );
  });

  it("makes tokens whose secret is shown once, lists them in pages and revokes them at once", async () => {
    await using own = await startTestServer();
    const made: { token: { id: string; prefix: string }; secret: string }[] = [];
    for (const name of ["a", "b", "c"]) {
      const response = await own.send("POST", "/v1/tokens", { name, roles: ["agent"] });
      expect(response.status).toBe(201);
      expect(response.headers.get("cache-control")).toBe("no-store");
      made.push((await response.json()) as (typeof made)[number]);
    }
    const names: string[] = [];
    for (let cursor = ""; ; ) {
      const page = (await (await own.request(`/v1/tokens?limit=2${cursor}`)).json()) as {
        items: { name: string }[];
        nextCursor?: string;
      };
      expect(JSON.stringify(page)).not.toContain(made[0]?.secret);
      names.push(...page.items.map((item) => item.name));
      if (page.nextCursor === undefined) break;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
    expect(names.sort()).toEqual(["a", "b", "c", "root"]);
    const headers = { authorization: `Bearer ${made[0]?.secret}` };
    expect((await own.request("/v1/whoami", { headers })).status).toBe(200);
    expect((await own.request(`/v1/tokens/${made[0]?.token.id}`, { method: "DELETE" })).status).toBe(204);
    expect((await own.request("/v1/whoami", { headers })).status).toBe(401);
  });

  it("makes one token per Idempotency-Key", async () => {
    const headers = { "idempotency-key": "k-1" };
    expect((await server.send("POST", "/v1/tokens", { name: "once" }, headers)).status).toBe(201);
    const again = await errorOf(await server.send("POST", "/v1/tokens", { name: "once" }, headers));
    expect(again).toMatchObject({ status: 409, code: "conflict", details: { tokenId: expect.any(String) } });
    expect((await server.send("POST", "/v1/tokens", { name: "other" }, headers)).status).toBe(409);
    expect((await server.send("POST", "/v1/tokens", { name: "x" }, { "idempotency-key": "ä".repeat(3) })).status).toBe(
      400,
    );
  });

  it("does not let a token delete the root token, or another tenant's", async () => {
    const { items } = (await (await server.request("/v1/tokens")).json()) as { items: { id: string; root: boolean }[] };
    const root = items.find((item) => item.root)?.id;
    expect((await server.request(`/v1/tokens/${root}`, { method: "DELETE" })).status).toBe(409);
    const other = { authorization: `Bearer ${await server.token(["admin"], "elsewhere")}` };
    expect(
      (await server.request(`/v1/tokens/${items.find((item) => !item.root)?.id}`, { method: "DELETE", headers: other }))
        .status,
    ).toBe(404);
    expect(
      ((await (await server.request("/v1/tokens", { headers: other })).json()) as { items: unknown[] }).items,
    ).toHaveLength(1);
  });

  it("limits requests per token, and says how long to wait", async () => {
    await using own = await startTestServer({
      guards: { requests: createTokenBucket({ perSecond: 0.5, burst: 2, clock: systemClock }) },
    });
    expect((await own.request("/v1/whoami")).status).toBe(200);
    expect((await own.request("/v1/whoami")).status).toBe(200);
    const response = await own.request("/v1/whoami");
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(await errorOf(response)).toMatchObject({
      status: 429,
      code: "rate_limited",
      details: { retryAfterMs: expect.any(Number) },
    });
    const other = await own.token(["viewer"]);
    expect((await own.request("/v1/whoami", { headers: { authorization: `Bearer ${other}` } })).status).toBe(200);
  });

  it("limits failed attempts per address", async () => {
    await using own = await startTestServer({
      guards: { authenticationFailures: createTokenBucket({ perSecond: 0.1, burst: 1, clock: systemClock }) },
    });
    const wrong = { authorization: "Bearer gbx_wrongwrongwrong" };
    expect((await own.request("/v1/whoami", { headers: wrong })).status).toBe(401);
    expect((await own.request("/v1/whoami", { headers: wrong })).status).toBe(429);
    expect((await own.request("/v1/whoami")).status).toBe(200);
  });

  it("keeps addresses out that are not on the list", async () => {
    await using own = await startTestServer({ guards: { addresses: createAddressList(["10.0.0.0/8"]) } });
    expect(await errorOf(await own.request("/v1/health"))).toMatchObject({ status: 403, code: "permission_denied" });
    expect((await own.request("/v1/nothing")).status).toBe(403);
  });

  it("needs no token on loopback where the user asked for that, but only for direct calls", async () => {
    const loopbackPrincipal = {
      tenantId: "default",
      tokenId: "loopback",
      name: "loopback",
      roles: ["admin" as const],
      root: true,
    };
    await using own = await startTestServer({ loopbackPrincipal });
    expect((await fetch(`${own.url}/v1/whoami`)).status).toBe(200);
    expect((await fetch(`${own.url}/v1/whoami`, { headers: { origin: "https://evil.example" } })).status).toBe(401);
    expect(
      (await fetch(`${own.url}/v1/whoami`, { headers: { authorization: "Bearer wrong-but-long-enough" } })).status,
    ).toBe(401);
  });

  it("answers browsers of listed origins only", async () => {
    await using own = await startTestServer({ settings: { corsOrigins: ["https://app.example"] } });
    const yes = await own.request("/v1/whoami", { headers: { origin: "https://app.example" } });
    expect(yes.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const no = await own.request("/v1/whoami", { headers: { origin: "https://evil.example" } });
    expect(no.headers.get("access-control-allow-origin")).toBeNull();
    const preflight = await fetch(`${own.url}/v1/tokens`, {
      method: "OPTIONS",
      headers: { origin: "https://app.example" },
    });
    expect(preflight.headers.get("access-control-allow-methods")).toContain("POST");
    expect(
      (await server.request("/v1/whoami", { headers: { origin: "https://app.example" } })).headers.get(
        "access-control-allow-origin",
      ),
    ).toBeNull();
  });

  it("reads and sets retention, sweeps, and streams a backup with its checksum", async () => {
    const policy = { events: 30, executions: null, closedSessions: 7, runs: 5 };
    expect(await (await server.send("PUT", "/v1/retention", policy)).json()).toEqual(policy);
    expect(await (await server.request("/v1/retention")).json()).toEqual(policy);
    expect(await (await server.send("POST", "/v1/retention/sweep", { dryRun: true })).json()).toEqual({
      events: 0,
      executions: 0,
      closedSessions: 0,
      runs: 0,
    });
    const backup = await server.request("/v1/backup", { method: "POST" });
    expect(backup.status).toBe(200);
    const bytes = Buffer.from(await backup.arrayBuffer());
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    expect(backup.headers.get("x-content-sha256")).toBe(digest);
  });

  it("tells the configuration to operators", async () => {
    const { values } = (await (await server.request("/v1/config")).json()) as {
      values: { key: string; value: unknown; source: string }[];
    };
    expect(values).toContainEqual({ key: "dataDir", value: server.dataDir, source: "environment" });
    expect(values).toContainEqual({ key: "port", value: 7070, source: "default" });
  });

  it("describes itself and renders that without any other host", async () => {
    const document = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    expect(document.openapi).toBe("3.1.0");
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((operation) => operation.operationId),
    );
    expect(ids.sort()).toEqual(Object.keys(OPERATIONS).sort());
    const page = await fetch(`${server.url}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    const html = await page.text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) expect((await fetch(new URL(asset, server.url))).status).toBe(200);
    expect(await (await fetch(`${server.url}/docs/static/swagger-initializer.js`)).text()).toContain(
      '"validatorUrl":null',
    );
    await using closed = await startTestServer({ settings: { docs: false } });
    expect((await fetch(`${closed.url}/docs`)).status).toBe(404);
  });

  it("says that a port is in use", async () => {
    const port = Number(new URL(server.url).port);
    await expect(listen(Fastify(), { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "conflict",
      details: { port },
    });
    await expect(listen(Fastify(), { host: "203.0.113.7", port: 0 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
});
