import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer, type TestServer } from "../../../../test/support/server.ts";
import { cli, root } from "./testing/cli.ts";

let server: TestServer;
let box: Glovebox;
beforeAll(async () => {
  server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn" } });
  box = new Glovebox({ url: server.url, token: server.token });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const sessionStatus = async (id: string) => (await box.sessions.info(id)).status;
const lastExecution = async (sessionId: string) => (await box.executions.list({ sessionId, limit: 1 })).items[0];

test.each([
  ["of revision 2025-11-25", "legacy" as const],
  ["of revision 2026-07-28", { pin: "2026-07-28" }],
])("a client %s works over stdio, and its sandbox is closed when it leaves", async (_what, mode) => {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StdioClientTransport({
    command: join(root, "bin/glovebox"),
    args: ["mcp"],
    env: { PATH: process.env.PATH ?? "", GLOVEBOX_DATA: server.dataDir },
    stderr: "inherit",
  });
  await client.connect(transport);
  const call = async (name: string, args: Record<string, unknown>, signal?: AbortSignal) => {
    const result = await client.callTool({ name, arguments: args }, signal === undefined ? {} : { signal });
    return result as typeof result & { structuredContent: Record<string, string> };
  };
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toContain("run_code");
  await call("run_code", { language: "python", code: "x = 41" });
  const { structuredContent } = await call("run_code", { language: "python", code: "print(x + 1)" });
  expect(structuredContent).toMatchObject({ status: "ok", stdout: "42\n" });
  const session = structuredContent.session ?? "";
  const { contents } = await client.readResource({ uri: `glovebox://session/${session}` });
  expect(JSON.stringify(contents)).toContain(session);
  expect(await call("read_file", { path: "missing" })).toMatchObject({ isError: true });

  const stop = new AbortController();
  const long = call("run_command", { argv: ["sleep", "600"] }, stop.signal);
  long.catch(() => undefined);
  const status = async () => (await lastExecution(session))?.status;
  await expect.poll(status, { timeout: 20_000 }).toBe("running");
  stop.abort("enough");
  await expect(long).rejects.toThrow();
  await expect.poll(status, { timeout: 20_000 }).toBe("cancelled");

  await client.close();
  await expect.poll(() => sessionStatus(session), { timeout: 30_000 }).toBe("closed");
});

test("without a server nothing is started, and stderr says so", async () => {
  const { code, stdout, stderr } = await cli(["mcp"], { input: "", env: { GLOVEBOX_URL: "http://127.0.0.1:1" } });
  expect(code).toBe(5);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/cannot reach http:\/\/127\.0\.0\.1:1/);
});

test("a wrong token is told before the first message", async () => {
  const env = { GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: "wrong" };
  const { code, stdout } = await cli(["mcp"], { input: "", env });
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
});
