import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";
import { Glovebox, GloveboxError } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cleanEnv, glovebox, root, startServer, type TestServer } from "../support/server.ts";

/** The example, as README has it: a process of its own, with a token of role `agent`. */
interface OutsideAgent {
  readonly child: ChildProcess;
  readonly output: () => string;
}

describe("an outside agent of 30 lines", { timeout: 120_000 }, () => {
  let server: TestServer;
  let box: Glovebox;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    server = await startServer();
    box = new Glovebox(server);
  }, 60_000);
  afterAll(async () => {
    for (const child of started) child.kill("SIGKILL");
    await server[Symbol.asyncDispose]();
  });

  const start = async (name: string): Promise<OutsideAgent> => {
    const { secret } = await box.tokens.create({ name, roles: ["agent"] });
    const env = { ...cleanEnv(), GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: secret, LEASE_MS: "1500" };
    const child = spawn(process.execPath, ["--conditions=development", join(root, "examples/outside-agent.ts"), name], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    started.push(child);
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
    await expect
      .poll(() => box.agents.get(name).catch(() => undefined), { timeout: 20_000 })
      .toMatchObject({ kind: "outside", status: "idle", capabilities: ["x-count-words"] });
    return { child, output: () => text };
  };

  test("registers, takes tasks, dies in one, and the task is given to another", async () => {
    const alpha = await start("alpha");
    const cli = promisify(execFile);
    const flags = ["--url", server.url, "--token", server.token];
    const asked = ["agents", "run", "alpha", "--payload", JSON.stringify({ text: "to be or not to be" }), ...flags];
    const { stdout } = await cli(glovebox, asked);
    expect(JSON.parse(stdout)).toMatchObject({ agent: "alpha", payload: { delta: { data: { words: 6 } } } });

    const payload = { text: "whether 'tis nobler", pauseMs: 2_000 };
    const { run } = await box.agents.run("any", { type: "x-count-words", payload });
    await expect.poll(alpha.output, { timeout: 20_000 }).toContain("task task, attempt 1\ntask task, attempt 1\n");
    alpha.child.kill("SIGKILL");
    await once(alpha.child, "exit");
    const beta = await start("beta");
    const { run: ended, output } = await box.runs.wait(run.id);
    expect(ended.status).toBe("completed");
    expect(output).toMatchObject({ agent: "beta", payload: { delta: { data: { words: 3 } } } });
    expect(beta.output()).toBe("task task, attempt 2\n");
    expect(await box.runs.replay(run.id)).toMatchObject({ identical: true });

    beta.child.kill("SIGTERM");
    expect(await once(beta.child, "exit")).toEqual([0, null]);
    const { items } = await box.agents.list();
    expect(items.filter(({ kind }) => kind === "outside").map(({ name }) => name)).toEqual(["alpha", "beta"]);
    await cli(glovebox, ["agents", "remove", "alpha", ...flags]);
    await expect(box.agents.get("alpha")).rejects.toMatchObject({ code: "not_found" });
  });

  test("agents of the house do single tasks too, in runs that say what they took", async () => {
    const { items } = await box.agents.list();
    expect(items).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: "planner", kind: "built-in", status: "idle" })]),
    );
    const input = { payload: { goal: "add two numbers; review the design" } };
    const { run, answer } = await box.agents.run("planner", input, { wait: true });
    expect(run).toMatchObject({ program: "agents.task", status: "completed" });
    expect(answer).toMatchObject({
      payload: { newTasks: [{ id: "codegen-1" }, { id: "design_review-1" }, { id: "test_exec-1" }] },
      metrics: { timeMs: expect.any(Number), tokensUsed: 0 },
    });
    const bad = await box.agents.run("planner", { payload: { goal: "" } }, { wait: true });
    expect(bad.answer).toMatchObject({ agent: "planner", error: { code: "invalid_argument", retryable: false } });
  });

  test("what an agent throws, or answers that is no answer, is its task's error; it goes on", async () => {
    const ended = new AbortController();
    const done = { delta: { kind: "summary", text: "done" }, artifacts: [], newTasks: [] } as const;
    const serving = box.agents.serve(
      { name: "odd", capabilities: ["x-odd"], maxTasks: 2 },
      ({ payload: { how } }) => {
        if (how === "throw") throw new GloveboxError("conflict", "as asked");
        if (how === "bug") throw new Error("a bug");
        return how === "bad" ? ({ ...done, more: 1 } as typeof done) : done;
      },
      { signal: ended.signal },
    );
    await expect.poll(() => box.agents.get("odd").catch(() => undefined)).toMatchObject({ maxTasks: 2 });
    const how = ["throw", "bug", "bad", "good"];
    const runs = await Promise.all(how.map((one) => box.agents.run("odd", { payload: { how: one } }, { wait: true })));
    const answers = runs.map(({ answer }) => (answer !== undefined && "error" in answer ? answer.error.code : "ok"));
    expect(answers).toEqual(["conflict", "internal", "invalid_argument", "ok"]);
    ended.abort();
    await serving;
    const flags = ["--json", "--url", server.url, "--token", server.token];
    const cli = async (...words: string[]) =>
      JSON.parse((await promisify(execFile)(glovebox, ["agents", ...words, ...flags])).stdout) as unknown;
    expect(await cli("show", "odd")).toMatchObject({ name: "odd", load: 0, capabilities: ["x-odd"] });
    expect(await cli("tasks", "--state", "dead", "--agent", "odd")).toEqual({ items: [] });
    expect(await cli("list")).toEqual(expect.arrayContaining([expect.objectContaining({ name: "odd" })]));
  });

  test("messages are published as JSON Schema, and requests that do not fit them are refused", async () => {
    const schemas = await box.agents.schemas();
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(["AgentTask", "AgentResult", "AgentError"]));
    expect(schemas.AgentTask).toMatchObject({
      additionalProperties: false,
      properties: { protocolVersion: { const: 1 } },
    });
    const post = async (path: string, body: unknown, token = server.token) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const answer = await fetch(`${server.url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return [answer.status, ((await answer.json()) as { error?: { code: string } }).error?.code];
    };
    for (const bad of [
      { name: "UPPER", capabilities: ["x-a"] },
      { name: "a", capabilities: [] },
      { name: "a", capabilities: ["x-a"], more: 1 },
    ]) {
      expect(await post("agents", bad)).toEqual([400, "invalid_argument"]);
    }
    expect(await post("tasks/lease", { agent: "nobody" })).toEqual([404, "not_found"]);
    const { secret: mine } = await box.tokens.create({ name: "one", roles: ["agent"] });
    const { secret: other } = await box.tokens.create({ name: "other", roles: ["agent"] });
    const { secret: viewer } = await box.tokens.create({ name: "viewer", roles: ["viewer"] });
    const registration = { name: "mine", capabilities: ["x-mine"] };
    expect(await post("agents", registration, viewer)).toEqual([403, "permission_denied"]);
    expect(await post("agents", registration, mine)).toEqual([201, undefined]);
    expect(await post("agents", registration, other)).toEqual([409, "already_exists"]);
    expect(await post("tasks/lease", { agent: "mine" }, other)).toEqual([403, "permission_denied"]);
    expect(await post("tasks/lease", { agent: "mine" }, mine)).toEqual([200, undefined]);
    expect(await post("agents/mine/tasks", { payload: {} }, mine)).toEqual([403, "permission_denied"]);
    expect(await post("agents/any/tasks", { payload: {} })).toEqual([400, "invalid_argument"]);
    const far = await box.tokens.create({ name: "far", roles: ["agent"], tenantId: "elsewhere" });
    expect(await post("tasks/lease", { agent: "mine" }, far.secret)).toEqual([404, "not_found"]);
  });
});
