import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../core/index.ts";
import { createTokenBucket } from "../../../governance/index.ts";
import { startTestServer, type TestServer } from "../../http/testing/server.ts";
import { realServices } from "../../http/testing/services.ts";
import { MCP_LIMITS } from "../limits.ts";
import { type ConnectedClient, connectClient } from "../testing/client.ts";

const ORIGIN = "https://app.example";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    services: realServices,
    settings: { corsOrigins: [ORIGIN], heartbeatMs: 50, bodyBytes: 65_536 },
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const INITIALIZE = {
  ...{ jsonrpc: "2.0", id: 0, method: "initialize" },
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};
const ACCEPT = { accept: "application/json, text/event-stream" };

const post = (body: unknown, headers: Record<string, string> = {}) =>
  server.send("POST", "/mcp", body, { ...ACCEPT, ...headers });

/** An MCP session by hand. */
async function opened(headers: Record<string, string> = {}): Promise<string> {
  const response = await post(INITIALIZE, headers);
  expect(response.status).toBe(200);
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

/** A program that would run for ten minutes, whose process is seen from a second client; and when it has begun. */
async function longRun(mcp: ConnectedClient, options: { readonly signal?: AbortSignal; onprogress?: () => void }) {
  const { session } = (await mcp.call("run_command", { argv: ["true"] })).structuredContent;
  const argv = ["sleep", "600"];
  const call = mcp.client.callTool({ name: "run_command", arguments: { argv, session } }, options);
  call.catch(() => undefined);
  await expect.poll(() => statusOf(session), { timeout: 20_000 }).toBe("running");
  return { session, call };
}

async function statusOf(session: string): Promise<string | undefined> {
  const { items } = (await (await server.request(`/v1/executions?sessionId=${session}&limit=1`)).json()) as {
    items: { status: string }[];
  };
  return items[0]?.status;
}

async function sessionStatus(session: string): Promise<string> {
  return ((await (await server.request(`/v1/sessions/${session}`)).json()) as { status: string }).status;
}

describe("with sessions", () => {
  test("the sandbox of an MCP session is closed with it", async () => {
    const mcp = await connectClient(server);
    const { session } = (await mcp.call("run_command", { argv: ["true"] })).structuredContent;
    expect(await sessionStatus(session)).toBe("ready");
    await mcp[Symbol.asyncDispose]();
    await expect.poll(() => sessionStatus(session), { timeout: 20_000 }).toBe("closed");
  });

  test("cancelling a call cancels the execution with its processes, and the sandbox goes on", async () => {
    await using mcp = await connectClient(server);
    const stop = new AbortController();
    const { session, call } = await longRun(mcp, { signal: stop.signal });
    stop.abort("enough");
    await expect(call).rejects.toThrow();
    await expect.poll(() => statusOf(session), { timeout: 20_000 }).toBe("cancelled");
    const { structuredContent } = await mcp.call("run_command", { argv: ["pgrep", "-x", "sleep"], session });
    expect(structuredContent).toMatchObject({ exitCode: 1, stdout: "" });
  });

  test("a client that goes away in the middle of a call cancels it", async () => {
    await using mcp = await connectClient(server);
    const { session } = await longRun(mcp, {});
    await mcp.client.close();
    await expect.poll(() => statusOf(session), { timeout: 20_000 }).toBe("cancelled");
  });

  test("progress is told while a call goes on", async () => {
    await using mcp = await connectClient(server);
    const told = Promise.withResolvers<unknown>();
    const stop = new AbortController();
    const { call } = await longRun(mcp, { signal: stop.signal, onprogress: told.resolve as () => void });
    expect(await told.promise).toMatchObject({ message: expect.stringMatching(/^running for [\d.]+ s$/) });
    stop.abort();
    await expect(call).rejects.toThrow();
  });

  test("calls at once share one sandbox, and after it has ended there is a new one", async () => {
    await using mcp = await connectClient(server);
    const results = await Promise.all([1, 2, 3].map(() => mcp.call("list_files")));
    const sessions = new Set(results.map(({ structuredContent }) => structuredContent.session));
    expect(sessions.size).toBe(1);
    const [first = ""] = sessions;
    await server.send("POST", `/v1/sessions/${first}/close`, {});
    const { session } = (await mcp.call("list_files")).structuredContent;
    expect(session).not.toBe(first);
  });

  test("another token cannot use a session, and no call comes after its end", async () => {
    const id = await opened();
    const stranger = { authorization: `Bearer ${await server.token(["admin"])}`, "mcp-session-id": id };
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    expect((await post(list, stranger)).status).toBe(404);
    expect((await post(list, { "mcp-session-id": id })).status).toBe(200);
    const end = await server.request("/mcp", { method: "DELETE", headers: { ...ACCEPT, "mcp-session-id": id } });
    expect(end.status).toBe(200);
    expect((await post(list, { "mcp-session-id": id })).status).toBe(404);
  });

  test("a token has so many sessions; a new one ends the quietest, unless all are busy", async () => {
    const own = { authorization: `Bearer ${await server.token(["viewer"])}` };
    const ids: string[] = [];
    for (let at = 0; at < MCP_LIMITS.sessionsPerToken; at += 1) ids.push(await opened(own));
    await opened(own);
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    expect((await post(ping, { ...own, "mcp-session-id": ids[0] ?? "" })).status).toBe(404);
    expect((await post(ping, { ...own, "mcp-session-id": ids[1] ?? "" })).status).toBe(200);
  });
});

describe("without sessions", () => {
  test("a call that names no session gets a sandbox of its own, which later calls name", async () => {
    await using mcp = await connectClient(server, { era: "modern" });
    expect(mcp.transport.sessionId).toBeUndefined();
    const code = { language: "python", code: "x = 1" };
    const { session } = (await mcp.call("run_code", code)).structuredContent;
    const other = (await mcp.call("run_code", code)).structuredContent.session;
    expect(other).not.toBe(session);
    const again = await mcp.call("run_code", { language: "python", code: "x + 1", session });
    expect(again.structuredContent).toMatchObject({ value: "2", session });
    for (const id of [session, other]) await server.send("POST", `/v1/sessions/${id}/close`, {});
  });

  test("so many sandboxes may be left open by calls at once", async () => {
    const token = await server.token(["developer"], "crowded");
    await using mcp = await connectClient(server, { era: "modern", token });
    const headers = { authorization: `Bearer ${token}` };
    const ids: string[] = [];
    for (let at = 0; at < MCP_LIMITS.looseSandboxes - 2; at += 1) {
      const body = { isolation: "isolate", key: `mcp-call-${at}`, metadata: { "made-by": "mcp-call" } };
      const made = await server.send("POST", "/v1/sessions", body, headers);
      expect(made.status).toBe(201);
      ids.push(((await made.json()) as { id: string }).id);
    }
    const results = await Promise.all([1, 2, 3, 4].map(() => mcp.call("list_files")));
    const refused = results.filter(({ isError }) => isError === true);
    expect(refused).toHaveLength(2);
    for (const { _meta } of refused) expect(_meta).toMatchObject({ "glovebox/error": { code: "resource_exhausted" } });
    for (const { structuredContent, isError } of results) if (isError !== true) ids.push(structuredContent.session);
    for (const id of ids) await server.send("POST", `/v1/sessions/${id}/close`, {}, headers);
    const { structuredContent } = await mcp.call("list_files");
    await server.send("POST", `/v1/sessions/${structuredContent.session}/close`, {}, headers);
  });

  test("cancelling a call cancels the execution", async () => {
    await using mcp = await connectClient(server, { era: "modern" });
    const stop = new AbortController();
    const { session, call } = await longRun(mcp, { signal: stop.signal });
    stop.abort("enough");
    await expect(call).rejects.toThrow();
    await expect.poll(() => statusOf(session), { timeout: 20_000 }).toBe("cancelled");
    await server.send("POST", `/v1/sessions/${session}/close`, {});
  });
});

describe("what is refused", () => {
  test("no token, a wrong one", async () => {
    for (const authorization of ["", "Bearer gbx_wrong"]) {
      const response = await post(INITIALIZE, { authorization });
      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  test("pages of other origins, whatever the Host; those that are allowed are let in", async () => {
    for (const origin of ["https://evil.example", "null", server.url, "http://localhost"]) {
      expect((await post(INITIALIZE, { origin })).status, origin).toBe(403);
      const headers = { ...ACCEPT, origin };
      expect((await server.request("/mcp", { headers })).status).toBe(403);
    }
    const response = await post(INITIALIZE, { origin: ORIGIN });
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(response.headers.get("access-control-expose-headers")).toContain("mcp-session-id");
    await response.text();
    const preflight = await server.request("/mcp", { method: "OPTIONS", headers: { origin: ORIGIN } });
    expect(preflight.headers.get("access-control-allow-headers")).toContain("mcp-protocol-version");
  });

  test.each([
    ["no JSON", "{"],
    ["a key twice", '{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}'],
    ["nothing", ""],
    ["no request", "5"],
    ["no session", JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })],
    ["too many messages", JSON.stringify(Array.from({ length: 17 }, () => INITIALIZE))],
    ["nesting", `${"[".repeat(5_000)}${"]".repeat(5_000)}`],
  ])("%s", async (_what, body) => {
    const headers = { ...ACCEPT, "content-type": "application/json" };
    const response = await server.request("/mcp", { method: "POST", body, headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", error: { code: expect.any(Number) } });
  });

  test("a message that is too large", async () => {
    const response = await post({ ...INITIALIZE, padding: "x".repeat(70_000) });
    expect(response.status).toBe(413);
  });

  test("a session that never was", async () => {
    const headers = { ...ACCEPT, "mcp-session-id": "x" };
    for (const method of ["GET", "DELETE"]) {
      expect((await server.request("/mcp", { method, headers })).status).toBe(404);
    }
  });

  test("too many requests of a token; those that tools make count like any other", async () => {
    const requests = createTokenBucket({ perSecond: 0.001, burst: 6, clock: systemClock });
    await using strict = await startTestServer({ guards: { requests } });
    const first = await strict.send("POST", "/mcp", INITIALIZE, ACCEPT);
    await first.text();
    const headers = { ...ACCEPT, "mcp-session-id": first.headers.get("mcp-session-id") ?? "" };
    const params = { name: "extract_code", arguments: { text: "nothing" } };
    const call = async () =>
      await strict.send("POST", "/mcp", { jsonrpc: "2.0", id: 1, method: "tools/call", params }, headers);
    for (let at = 0; at < 2; at += 1) expect(await (await call()).text()).toContain('"isError":false');
    // The last request goes to the call itself, and none is left for what it asks.
    expect(await (await call()).text()).toContain("rate_limited");
    expect((await call()).status).toBe(429);
  });
});

test("streams end when the server stops", async () => {
  const own = await startTestServer();
  const response = await own.send("POST", "/mcp", INITIALIZE, ACCEPT);
  await response.text();
  const id = response.headers.get("mcp-session-id") ?? "";
  const stream = await own.request("/mcp", { headers: { ...ACCEPT, "mcp-session-id": id } });
  expect(stream.status).toBe(200);
  const ended = stream.text().catch(() => "");
  await own[Symbol.asyncDispose]();
  const outcome = await Promise.race([ended.then(() => "ended"), delay(20_000, "open", { ref: false })]);
  expect(outcome).toBe("ended");
});

test("a server that stops does not wait for calls", async () => {
  const own = await startTestServer({ services: realServices });
  const mcp = await connectClient(own);
  const call = mcp.call("run_command", { argv: ["sleep", "600"] });
  const settled = call.then(
    () => "settled",
    () => "settled",
  );
  const running = async () => await (await own.request("/v1/executions?status=running")).text();
  await expect.poll(running, { timeout: 20_000 }).toContain('"sleep"');
  const stopped = own[Symbol.asyncDispose]();
  const late = delay(60_000, "late", { ref: false });
  expect(await Promise.race([stopped.then(() => "stopped"), late])).toBe("stopped");
  await mcp.client.close();
  expect(await settled).toBe("settled");
});

test("where this machine needs no token, its clients need none, but only under a name of this machine", async () => {
  const loopbackPrincipal = {
    ...{ tenantId: "default", tokenId: "loopback", name: "loopback" },
    roles: ["agent" as const],
    root: false,
  };
  await using own = await startTestServer({ loopbackPrincipal });
  const headers = { ...ACCEPT, "content-type": "application/json" };
  const send = async (body: object, more: Record<string, string> = {}) =>
    await fetch(`${own.url}/mcp`, { method: "POST", body: JSON.stringify(body), headers: { ...headers, ...more } });
  const first = await send(INITIALIZE);
  expect(first.status).toBe(200);
  await first.text();
  const params = { name: "extract_code", arguments: { text: "`ls`" } };
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
  const session = { "mcp-session-id": first.headers.get("mcp-session-id") ?? "" };
  expect(await (await send(call, session)).text()).toContain('"isError":false');
  // A name that a page has pointed here. `fetch` would not let us set it.
  const asked = httpRequest(`${own.url}/mcp`, {
    method: "POST",
    headers: { ...headers, host: "rebound.example:7070" },
  });
  asked.end(JSON.stringify(INITIALIZE));
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(401);
});
