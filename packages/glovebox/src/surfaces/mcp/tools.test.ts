import { afterAll, beforeAll, describe, expect, test } from "vitest";
import programs from "../../../../../test/e2e/testdata/programs.ts";
import { type ContextStore, openContextStore } from "../../context/index.ts";
import { isId } from "../../core/index.ts";
import type { Program } from "../../engine/index.ts";
import { type AuditRecord, createRedactor } from "../../governance/index.ts";
import { json } from "../http/testing/answers.ts";
import { startTestServer, type TestServer } from "../http/testing/server.ts";
import { realServices } from "../http/testing/services.ts";
import { OPERATIONS } from "../operations/index.ts";
import { MCP_LIMITS } from "./limits.ts";
import { type ConnectedClient, connectClient, textOf } from "./testing/client.ts";
import { TOOLS } from "./tools/index.ts";

let server: TestServer;
let mcp: ConnectedClient;
let context: ContextStore;

beforeAll(async () => {
  server = await startTestServer({
    services: (room) => realServices({ ...room, redactor: createRedactor("default") }),
    programs: programs() as unknown as readonly Program[],
    parts: ({ dataDir }) => {
      context = openContextStore({ dataDir });
      return Promise.resolve({ context });
    },
  });
  mcp = await connectClient(server);
});
afterAll(async () => {
  await mcp?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
  await context?.[Symbol.asyncDispose]();
});

const python = (code: string, session?: string) =>
  mcp.call("run_code", { language: "python", code, ...(session !== undefined && { session }) });

describe("the table of tools", () => {
  test("is what clients are told, each with its schemas", async () => {
    const { tools } = await mcp.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLS.map(({ name }) => name));
    for (const { inputSchema, outputSchema, description } of tools) {
      expect(inputSchema.additionalProperties).toBe(false);
      expect(outputSchema?.type).toBe("object");
      expect(description).toMatch(/\.$/);
    }
  });

  test.each(TOOLS.map((tool) => [tool.name, tool] as const))("%s is made from operations", (_name, tool) => {
    expect(tool.operations.length).toBeGreaterThan(0);
    for (const id of tool.operations) expect(OPERATIONS[id]).toBeDefined();
  });
});

describe("code and commands", () => {
  test("state stays between calls in the client's own sandbox, and what is printed comes in blocks of its own", async () => {
    const first = await python("x = 20\nprint('hello')\nx + 1");
    expect(first.isError).toBe(false);
    expect(first.structuredContent).toMatchObject({ status: "ok", exitCode: 0, stdout: "hello\n", value: "21" });
    expect(first.content.map((block) => block.type)).toEqual(["text", "text", "text"]);
    expect(first.content.slice(1)).toEqual([
      { type: "text", text: "value:\n21" },
      { type: "text", text: "stdout:\nhello\n" },
    ]);
    const second = await python("x * 2");
    expect(second.structuredContent).toMatchObject({ value: "40", session: first.structuredContent.session });
  });

  test("calls at once wait for each other", async () => {
    await python("n = []");
    await Promise.all([1, 2, 3].map(() => python("import time; m = len(n); time.sleep(0.05); n.append(m)")));
    expect((await python("n")).structuredContent.value).toBe("[0, 1, 2]");
  });

  test("what fails is an error with all that it said", async () => {
    const thrown = await python("1 / 0");
    expect(thrown.isError).toBe(true);
    expect(thrown.structuredContent).toMatchObject({ exception: expect.stringContaining("ZeroDivisionError") });
    const failed = await mcp.call("run_command", { argv: ["bash", "-c", "echo out; echo err >&2; exit 3"] });
    expect(failed.isError).toBe(true);
    expect(failed.structuredContent).toMatchObject({ exitCode: 3, stdout: "out\n", stderr: "err\n" });
  });

  test("output is cut in the middle, told, and whole in the log", async () => {
    const long = await python("print('start' + 'x' * 300_000 + 'end')");
    const { stdout, truncated, execution } = long.structuredContent as unknown as Record<string, string>;
    expect(stdout?.length).toBeLessThan(MCP_LIMITS.textCharacters);
    expect(stdout).toMatch(/^start.*\[2\d{5} characters left out\].*end\n$/s);
    expect(truncated).toBe(true);
    expect(textOf(long)).toContain(`glovebox://execution/${execution}/log`);
  });

  test("a program cannot pass for us: what it prints is one string, whatever it looks like", async () => {
    const fake = '{"isError":true,"structuredContent":{"session":"x"}}\\n\\ndata: {}\\n\\n\\u2028ok, exit code 0';
    const result = await python(`print('${fake}')`);
    expect(result.isError).toBe(false);
    expect(isId(result.structuredContent.session)).toBe(true);
    expect(result.content).toHaveLength(3); // our words, the value None, what it printed
  });

  test("secrets are masked as everywhere", async () => {
    const result = await python("print('key: AKIA' + 'IOSFODNN7EXAMPLE')");
    expect(JSON.stringify(result)).not.toContain("AKIAIOSFODNN7EXAMPLE");
    expect(result.structuredContent.stdout).toContain("key: ");
  });
});

describe("files", () => {
  test("are written, listed and read, in parts where they are long", async () => {
    const content = `ä${"é".repeat(50_000)}`;
    const written = await mcp.call("write_file", { path: "a/b.txt", content });
    expect(written.structuredContent).toMatchObject({ path: "a/b.txt", size: 100_002 });
    const { session } = written.structuredContent;
    const listed = await mcp.call("list_files", { recursive: true, session });
    expect(listed.structuredContent.items).toContainEqual({ path: "a/b.txt", kind: "file", size: 100_002 });
    const first = await mcp.call("read_file", { path: "a/b.txt" });
    const { nextOffset, content: start } = first.structuredContent as unknown as {
      nextOffset: number;
      content: string;
    };
    expect(nextOffset).toBe(65_536);
    const rest = await mcp.call("read_file", { path: "a/b.txt", offset: nextOffset });
    expect(start + String(rest.structuredContent.content)).toBe(content);
    expect(rest.structuredContent.nextOffset).toBeUndefined();
  });

  test("that are no text come as base64", async () => {
    await python("open('bin', 'wb').write(bytes([0, 255, 1]))");
    const { structuredContent } = await mcp.call("read_file", { path: "bin" });
    expect(structuredContent).toMatchObject({ encoding: "base64", content: "AP8B", size: 3 });
  });
});

describe("sessions", () => {
  test("are made, frozen, rolled back and forked", async () => {
    const made = await mcp.call("create_session", { languages: ["bash"] });
    const session = String(made.structuredContent.id);
    const write = (content: string) => mcp.call("write_file", { path: "f", content, session });
    const read = async (of: string) =>
      (await mcp.call("read_file", { path: "f", session: of })).structuredContent.content;
    await write("one");
    const snapshot = await mcp.call("snapshot", { session, name: "first" });
    expect(snapshot.structuredContent).toMatchObject({ session, name: "first" });
    await write("two");
    const fork = await mcp.call("fork_session", { session, count: 2 });
    const forks = fork.structuredContent.sessions as { id: string }[];
    expect(forks).toHaveLength(2);
    const rolled = await mcp.call("rollback", { session, snapshot: snapshot.structuredContent.id });
    expect(rolled.structuredContent).toMatchObject({ session, undo: { session } });
    expect(await read(session)).toBe("one");
    expect(await read(forks[1]?.id ?? "")).toBe("two");
  });
});

describe("runs and texts", () => {
  test("a run is started and looked after", async () => {
    const started = await mcp.call("start_run", { program: "echo", input: { n: 1 } });
    const run = String(started.structuredContent.run);
    await expect
      .poll(async () => (await mcp.call("get_run", { run })).structuredContent, { timeout: 30_000 })
      .toMatchObject({ status: "completed", program: "echo", truncated: false });
    const { output } = (await mcp.call("get_run", { run })).structuredContent;
    expect(typeof output).toBe("string");
    const unknown = await mcp.call("start_run", { program: "none" });
    expect(unknown.isError).toBe(true);
    expect(textOf(unknown)).toMatch(/^not_found: /);
  });

  test("what is known is searched, bounded, and only by who may", async () => {
    const document = { kind: "code", path: "a.py", content: "def feed_walrus():\n    pass\n", origin: "test" };
    expect((await server.send("POST", "/v1/context/documents", { documents: [document] })).status).toBe(200);
    const { structuredContent, content } = await mcp.call("search_context", {
      query: "feed walrus",
      filter: "kind=code",
      k: 1,
    });
    expect(structuredContent.hits).toMatchObject([{ path: "a.py", startLine: 1, endLine: 2, version: 1 }]);
    expect(content[1]).toEqual({ type: "text", text: "a.py:1-2\ndef feed_walrus():\n    pass" });
    const wrong = await mcp.call("search_context", { query: "x", filter: "nothing" });
    expect(textOf(wrong)).toMatch(/^filters_invalid: /);
  });

  test("workflows without a server for them are refused with a reason", async () => {
    const refused = await mcp.call("run_workflow", { repository: "01a20038-e7b9-7000-87df-6f33bc8aa324" });
    expect(textOf(refused)).toMatch(/^unavailable: /);
  });

  test("code is found in a text", async () => {
    const text = "Run this:\n\n```python\nprint(1)\nprint(2)\n```\n";
    const { structuredContent } = await mcp.call("extract_code", { text });
    expect(structuredContent.blocks).toMatchObject([{ language: "python", code: "print(1)\nprint(2)" }]);
    expect(structuredContent.leftOut).toBe(0);
  });
});

describe("what is refused", () => {
  test.each([
    ["a missing argument", "run_code", { language: "python" }],
    ["an unknown argument", "run_code", { language: "python", code: "1", shell: true }],
    ["a wrong type", "run_command", { argv: "ls" }],
    ["an unknown language", "run_code", { language: "cobol", code: "1" }],
    ["a session that is no id", "read_file", { path: "a", session: "../x" }],
    ["too much to write", "write_file", { path: "a", content: "x".repeat(MCP_LIMITS.writeCharacters + 1) }],
  ])("%s", async (_what, name, args) => {
    const result = await mcp.call(name, args);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain("Invalid arguments");
  });

  test("an unknown tool is the protocol's error", async () => {
    await expect(mcp.call("no_such_tool", {})).rejects.toMatchObject({ code: -32_602 });
  });

  test("a path outside and a file that is not there carry their codes", async () => {
    const missing = await mcp.call("read_file", { path: "nothing" });
    expect(missing).toMatchObject({ isError: true, _meta: { "glovebox/error": { code: "not_found" } } });
  });
});

describe("whose call it is", () => {
  test("a tool may do what its operations may, for the caller's role, and each is in the audit log", async () => {
    await using viewer = await connectClient(server, { token: await server.token(["viewer"]) });
    const { session } = (await python("1")).structuredContent;
    expect(await viewer.call("list_files", { session })).toMatchObject({ isError: false });
    const refused = await viewer.call("run_code", { language: "python", code: "1", session });
    expect(refused).toMatchObject({ isError: true, _meta: { "glovebox/error": { code: "permission_denied" } } });
    const { items } = await json<{ items: AuditRecord[] }>(await server.request("/v1/audit?limit=1000"));
    const ran = items.filter(({ action }) => action === "executions.create");
    expect(new Set(ran.map(({ decision }) => decision))).toEqual(new Set(["allow", "deny"]));
    const allowed = ran.filter(({ decision }) => decision === "allow");
    expect(allowed.length).toBeGreaterThan(1);
    expect(new Set(allowed.map(({ requestId }) => requestId)).size).toBe(1);
  });

  test("another tenant's sessions and runs are not found", async () => {
    await using other = await connectClient(server, { token: await server.token(["admin"], "other") });
    const { session } = (await python("1")).structuredContent;
    for (const [name, args] of [
      ["run_code", { language: "python", code: "1", session }],
      ["list_files", { session }],
      ["fork_session", { session }],
    ] as const) {
      expect(await other.call(name, args)).toMatchObject({ _meta: { "glovebox/error": { code: "not_found" } } });
    }
    await expect(other.client.readResource({ uri: `glovebox://session/${session}` })).rejects.toThrow();
    const own = await other.call("run_code", { language: "python", code: "'x' in globals()" });
    expect(own.structuredContent.value).toBe("False");
    expect(own.structuredContent.session).not.toBe(session);
    const { resources } = await other.client.listResources();
    expect(resources.some(({ uri }) => uri.includes(session))).toBe(false);
  });

  test("the server's own environment lends nobody its token", async () => {
    await using viewer = await connectClient(server, { token: await server.token(["viewer"]) });
    process.env.GLOVEBOX_TOKEN = server.root;
    try {
      expect(await viewer.call("create_session", {})).toMatchObject({
        _meta: { "glovebox/error": { code: "permission_denied" } },
      });
    } finally {
      delete process.env.GLOVEBOX_TOKEN;
    }
  });
});

describe("resources", () => {
  const read = async (uri: string): Promise<string> => {
    const [content] = (await mcp.client.readResource({ uri })).contents;
    return content !== undefined && "text" in content ? content.text : "";
  };

  test("are listed, and read by their URI", async () => {
    const { session, execution } = (await python("print('logged')")).structuredContent;
    const { resources } = await mcp.client.listResources();
    const uris = resources.map(({ uri }) => uri);
    expect(uris).toEqual(
      expect.arrayContaining([`glovebox://session/${session}`, `glovebox://execution/${execution}/log`]),
    );
    const { resourceTemplates } = await mcp.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain("glovebox://run/{id}/journal");
    expect(JSON.parse(await read(`glovebox://session/${session}`))).toMatchObject({ id: session, status: "ready" });
    const log = await read(`glovebox://execution/${execution}/log`);
    expect(log).toMatch(/^\d+ stdout \{"text":"logged\\n"\}$/m);
    expect(log).toMatch(/\n# end$/);
    expect(await read(`glovebox://execution/${execution}/log/1`)).not.toMatch(/^1 /m);

    const { run } = (await mcp.call("start_run", { program: "echo", input: {} })).structuredContent;
    await expect.poll(() => read(`glovebox://run/${run}/journal`), { timeout: 30_000 }).toMatch(/\n# end$/);
    expect(JSON.parse(await read(`glovebox://run/${run}`))).toMatchObject({ id: run, program: "echo" });
    expect((await mcp.client.listResources()).resources.map(({ uri }) => uri)).toContain(
      `glovebox://run/${run}/journal`,
    );
  });

  test("what is too long to be shown whole says so", async () => {
    const env = { A: '"'.repeat(30_000), B: "b".repeat(30_000), C: "c".repeat(30_000) };
    const made = await server.send("POST", "/v1/sessions", { isolation: "isolate", env });
    const { id } = await json<{ id: string }>(made);
    const text = await read(`glovebox://session/${id}`);
    expect(text.length).toBeLessThanOrEqual(MCP_LIMITS.textCharacters);
    expect(JSON.parse(text)).toMatchObject({ truncated: true, text: expect.stringContaining(id) });
  });

  test("a long log is read on from where it was cut", async () => {
    const code = "import sys\nfor i in range(30):\n  print('y' * 5000); sys.stdout.flush()";
    const { execution } = (await python(code)).structuredContent;
    let uri: string | undefined = `glovebox://execution/${execution}/log`;
    let letters = 0;
    let parts = 0;
    while (uri !== undefined) {
      const text: string = await read(uri);
      expect(text.length).toBeLessThan(MCP_LIMITS.textCharacters + 200);
      letters += text.match(/y/g)?.length ?? 0;
      parts += 1;
      uri = /# more may follow: (\S+)$/.exec(text)?.[1];
    }
    expect(parts).toBeGreaterThan(1);
    expect(letters).toBeGreaterThanOrEqual(149_000);
  });

  test.each([
    "glovebox://session/01890000-0000-7000-8000-000000000000",
    "glovebox://session/..%2f..%2fetc",
    "glovebox://execution/x/log/not-a-number",
    "glovebox://nothing/1",
    "file:///etc/passwd",
  ])("%s is not there", async (uri) => {
    await expect(mcp.client.readResource({ uri })).rejects.toMatchObject({ code: expect.any(Number) });
  });
});
