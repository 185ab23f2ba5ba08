import { spawn } from "node:child_process";
import { once } from "node:events";
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

type Call = (
  name: string,
  args: Record<string, unknown>,
) => Promise<{ readonly structuredContent: Record<string, string>; readonly isError?: boolean | undefined }>;

/** Files, snapshots, forks, texts and runs, in a session of their own. */
async function tryOtherTools(call: Call): Promise<void> {
  const session = (await call("create_session", { languages: ["bash"] })).structuredContent.id ?? "";
  await call("write_file", { path: "f", content: "one", session });
  const snapshot = (await call("snapshot", { session })).structuredContent.id;
  await call("write_file", { path: "f", content: "two", session });
  const fork = (await call("fork_session", { session })).structuredContent as unknown as { sessions: { id: string }[] };
  await call("rollback", { session, snapshot });
  expect((await call("read_file", { path: "f", session })).structuredContent.content).toBe("one");
  const forked = fork.sessions[0]?.id ?? "";
  expect((await call("read_file", { path: "f", session: forked })).structuredContent.content).toBe("two");
  expect((await call("list_files", { session })).structuredContent.items).toMatchObject([{ path: "f", size: 3 }]);
  const text = "Run:\n\n```bash\nls\n```";
  expect((await call("extract_code", { text })).structuredContent.blocks).toMatchObject([{ code: "ls" }]);
  const unknown = "01890000-0000-7000-8000-000000000000";
  for (const [name, args] of [
    ["start_run", { program: "none" }],
    ["get_run", { run: unknown }],
  ] as const) {
    expect(await call(name, args)).toMatchObject({ isError: true, _meta: { "glovebox/error": { code: "not_found" } } });
  }
  for (const id of [session, forked]) await box.sessions.close(id);
}

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
  await tryOtherTools(call);
  const { resources } = await client.listResources();
  const log = `glovebox://execution/${structuredContent.execution}/log`;
  expect(resources.map(({ uri }) => uri)).toContain(log);
  expect(JSON.stringify(await client.readResource({ uri: log }))).toContain("# end");

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

/** A client by hand: what it sends, and that it may break off. */
function rawClient() {
  const env = { PATH: process.env.PATH ?? "", GLOVEBOX_DATA: server.dataDir };
  const child = spawn(join(root, "bin/glovebox"), ["mcp"], { env, stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined); // it may end without reading
  const exited = once(child, "exit") as Promise<[number | null]>;
  let sent = 0;
  const send = (method: string, params: object) => {
    sent += 1;
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: sent, method, params })}\n`);
  };
  const clientInfo = { name: "raw", version: "1" };
  send("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  return { child, exited, send };
}

test("a client that dies in the middle of a call leaves nothing behind", async () => {
  const { child, exited, send } = rawClient();
  const before = new Set((await box.sessions.list({ limit: 100 })).items.map(({ id }) => id));
  const argv = ["sleep", "600"];
  send("tools/call", { name: "run_command", arguments: { argv }, _meta: { progressToken: 1 } });
  let session = "";
  const running = async () => {
    const { items } = await box.executions.list({ status: "running" });
    session = items.find(({ sessionId }) => !before.has(sessionId))?.sessionId ?? "";
    return session;
  };
  await expect.poll(running, { timeout: 20_000 }).not.toBe("");
  child.stdout.destroy();
  child.stdin.destroy();
  expect((await exited)[0]).toBe(0);
  expect(await sessionStatus(session)).toBe("closed");
  expect((await lastExecution(session))?.status).toMatch(/cancelled|lost/);
});

test("lines that are no messages are passed over, and one that is too long ends the connection", async () => {
  const { child, exited, send } = rawClient();
  child.stdin.write("not json\n[[[[\n5\nnull\n{}\n");
  send("ping", {});
  let answers = "";
  child.stdout.on("data", (chunk: Buffer) => {
    answers += chunk.toString();
  });
  await expect.poll(() => answers, { timeout: 20_000 }).toContain('"id":2');
  child.stdin.write("x".repeat(9 * 1_048_576));
  expect((await exited)[0]).toBe(0);
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
