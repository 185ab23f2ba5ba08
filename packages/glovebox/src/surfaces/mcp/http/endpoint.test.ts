import { Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { type Clock, type Principal, silentLogger, systemClock } from "../../../core/index.ts";
import { MCP_LIMITS } from "../limits.ts";
import { McpEndpoint } from "./endpoint.ts";

let nowMs = 0;
const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
const principal: Principal = { tenantId: "t", tokenId: "k", name: "k", roles: ["agent"], root: false };
const box = new Glovebox({ url: "http://in-process.invalid", fetch: () => Promise.reject(new Error("not asked")) });
const start = () => new McpEndpoint({ version: "1", clock, logger: silentLogger, heartbeatMs: 10_000 });

const ACCEPT = "application/json, text/event-stream";

function request(method: string, id?: string): Request {
  const headers = {
    accept: ACCEPT,
    "content-type": "application/json",
    ...(id !== undefined && { "mcp-session-id": id }),
  };
  return new Request("http://in-process.invalid/mcp", { method, headers });
}

async function open(endpoint: McpEndpoint, as: Principal = principal): Promise<string> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } };
  const message = { jsonrpc: "2.0", id: 1, method: "initialize", params };
  const response = await endpoint.handle(request("POST"), message, { principal: as, box });
  await response.text();
  return response.headers.get("mcp-session-id") ?? "";
}

test("a session ends when it was idle for long, not while a stream is open", async () => {
  await using endpoint = start();
  const id = await open(endpoint);
  nowMs += MCP_LIMITS.sessionIdleMs - 1;
  await endpoint.endIdle();
  expect(endpoint.size).toBe(1);
  const stream = await endpoint.handle(request("GET", id), undefined, { principal, box });
  expect(stream.status).toBe(200);
  nowMs += 2 * MCP_LIMITS.sessionIdleMs;
  await endpoint.endIdle();
  expect(endpoint.size).toBe(1);
  await stream.body?.cancel();
  nowMs += MCP_LIMITS.sessionIdleMs;
  await endpoint.endIdle();
  expect(endpoint.size).toBe(0);
  expect((await endpoint.handle(request("GET", id), undefined, { principal, box })).status).toBe(404);
});

test("a token whose sessions are all busy gets no other; another token does, up to the server's bound", async () => {
  await using endpoint = start();
  const streams: Response[] = [];
  for (let at = 0; at < MCP_LIMITS.sessionsPerToken; at += 1) {
    const id = await open(endpoint);
    streams.push(await endpoint.handle(request("GET", id), undefined, { principal, box }));
  }
  expect(await open(endpoint)).toBe("");
  for (let at = endpoint.size; at < MCP_LIMITS.sessions; at += 1) {
    expect(await open(endpoint, { ...principal, tokenId: `other-${at % 16}` })).not.toBe("");
  }
  expect(await open(endpoint, { ...principal, tokenId: "late" })).toBe("");
  expect(endpoint.size).toBe(MCP_LIMITS.sessions);
  await streams[0]?.body?.cancel();
  expect(await open(endpoint)).not.toBe("");
  expect(endpoint.size).toBe(MCP_LIMITS.sessions);
});

test("nobody is served once it is closed", async () => {
  const endpoint = start();
  const id = await open(endpoint);
  await endpoint[Symbol.asyncDispose]();
  expect((await endpoint.handle(request("GET", id), undefined, { principal, box })).status).toBe(503);
  expect(await open(endpoint)).toBe("");
});
