import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRepository, type TestRepository } from "../../packages/glovebox/src/agents/testing/repository.ts";
import { cli } from "../../packages/glovebox/src/cli/testing/cli.ts";
import { PYTHON, startFlow } from "../support/flows.ts";
import { root, startServer, type TestServer } from "../support/server.ts";

const run = promisify(execFile);
/** What scripts read, in this order. */
const FIELDS = ["runId", "status", "steps", "branch", "diff", "tests"];

describe("`glovebox flow`", { timeout: 180_000 }, () => {
  let server: TestServer;
  let repository: TestRepository;
  let folder: string;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glovebox-flow-cli-"));
    const script = join(folder, "script.json");
    await writeFile(script, JSON.stringify({ answers: [{ text: "no" }] }));
    const config = join(folder, "glovebox.yaml");
    const model = `{provider: scripted, model: scripted, script: ${script}}`;
    const flows = `{folder: ${join(folder, "flows")}, modules: [${join(root, "examples/flow.ts")}], rounds: 2, budget: {toolCalls: 500}}`;
    await run("mkdir", [join(folder, "flows")]);
    await writeFile(join(folder, "flows", "own.yaml"), "name: own\nrepository: false\nsteps: [{ask: Why?}]\n");
    await writeFile(config, `agents: {model: ${model}}\nflows: ${flows}\n`);
    server = await startServer({ args: ["--config", config] });
    env = { GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
    repository = await makeRepository(PYTHON);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await repository?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("runs without a server: a branch on the commit, the working copy as it was, and what is fixed for scripts", async () => {
    const words = ["flow", "run", "fix-failing", "--repo", repository.path, "--json"];
    const { code, stdout, stderr } = await cli(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual(FIELDS);
    expect(result).toMatchObject({ status: "completed", tests: { status: "passed", passed: 3 } });
    expect(result.diff).toContain("-    for index in range(len(numbers) - 1):");
    expect(await repository.git("status", "--porcelain")).toBe("");
    expect(await repository.git("log", "--format=%s", `main..${result.branch}`)).toBe(
      "fix-failing: change by Glovebox",
    );
    expect(await repository.git("diff", "--name-only", "main", result.branch)).toBe("ranges.py");
  });

  test("runs on a server: the same branch again, applied when asked, no branch where there are changes already", async () => {
    const words = ["flow", "run", "fix-failing", "--repo", repository.path];
    const plain = await cli([...words, "--apply"], { env });
    expect(plain).toMatchObject({ code: 0, stderr: "" });
    expect(plain.stdout).toMatch(/✓ debug-1 \(debug\) {2}Changing ranges\.py:7/);
    expect(plain.stdout).toMatch(/branch glovebox\/fix-failing-[0-9a-f]{10}\n/);
    expect(await repository.git("status", "--porcelain")).toBe("M ranges.py");
    const green = await cli([...words, "--json"], { env });
    expect(JSON.parse(green.stdout)).toMatchObject({ status: "completed", branch: null, diff: "" });
    await repository.git("checkout", "-q", "--", ".");
    await repository.write({ "notes.txt": "not committed\n" });
    const dirty = await cli([...words, "--json"], { env });
    expect(dirty.stderr).toContain("changes that are in no commit");
    expect(JSON.parse(dirty.stdout)).toMatchObject({ status: "completed", branch: null });
    await repository.git("clean", "-qfd");
    const named = await cli([...words, "--branch", "repaired", "--json"], { env });
    expect(JSON.parse(named.stdout).branch).toBe("repaired");
    const none = await cli([...words, "--no-branch", "--json"], { env });
    expect(JSON.parse(none.stdout).branch).toBeNull();
  });

  test("says what is wrong before anything runs: no repository, no flow, bad input, bad YAML", async () => {
    const nowhere = await cli(["flow", "run", "fix-failing", "--repo", folder], { env });
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining("is no git repository") });
    expect(await cli(["flow", "run", "nope", "--repo", repository.path], { env })).toMatchObject({ code: 3 });
    const input = await cli(["flow", "plan", "feature-add"], { env });
    expect(input).toMatchObject({ code: 2, stderr: expect.stringContaining("give either a goal or a spec") });
    const bad = join(folder, "bad.yaml");
    await writeFile(
      bad,
      "name: bad\nsteps:\n  - {id: a, needs: [b], agent: test_exec}\n  - {id: b, agent: test_exec}\n",
    );
    const cyclic = await cli(["flow", "validate", bad], { env });
    expect(cyclic).toMatchObject({ code: 2, stderr: `${bad}:3:20: steps wait for each other: a → b → a\n` });
  });

  test("the sandbox is what was asked for: template, isolation, and ignored files that come along", async () => {
    await using other = await makeRepository({
      ".gitignore": "tools/\n",
      "tools/limit.py": "LIMIT = 3\n",
      "test_limit.py":
        "import os\nimport unittest\n\nfrom tools.limit import LIMIT\n\n\nclass LimitTest(unittest.TestCase):\n    def test_limit(self):\n        self.assertEqual(LIMIT, 3)\n",
    });
    const words = ["flow", "run", "fix-failing", "--repo", other.path, "--json"];
    const [alone, along, template, isolation] = await Promise.all([
      cli([...words, "--input", "rounds=1"], { env }),
      cli([...words, "--include", "tools"], { env }),
      cli([...words, "--template", "no-such"], { env }),
      cli([...words, "--isolation", "isolate"], { env }),
    ]);
    expect([alone.code, JSON.parse(alone.stdout).tests?.passed ?? 0]).toEqual([1, 0]);
    expect(JSON.parse(along.stdout)).toMatchObject({ status: "completed", diff: "", tests: { passed: 1 } });
    expect([template.code, template.stdout + template.stderr]).toEqual([1, expect.stringContaining("no-such")]);
    expect([isolation.code, isolation.stdout + isolation.stderr]).toEqual([1, expect.stringContaining("isolate")]);
  });

  test("lists, shows and plans flows of the house, of modules and of files, as configured", async () => {
    const list = JSON.parse((await cli(["flow", "list", "--json"], { env })).stdout);
    expect(list.items.map(({ name, kind }: { name: string; kind: string }) => `${name} ${kind}`)).toEqual([
      "feature-add built_in",
      "fix-failing built_in",
      "own yaml",
      "two-looks module",
    ]);
    expect((await cli(["flow", "show", "fix-failing"], { env })).stdout).toContain("candidates (optional)");
    const plan = await cli(["flow", "plan", join(root, "examples/flow.yaml"), "--budget", "tokens=5"], { env });
    expect(plan.stdout).toContain("├─ proposals parallel  best\n");
    expect(plan.stdout).toContain("budget 5 tokens, 100 tool calls");
    const dry = await cli(["flow", "run", "own", "--dry-run", "--json"], { env });
    expect(JSON.parse(dry.stdout)).toMatchObject({ ok: true, plan: { budget: { toolCalls: 500 } } });
  });

  test("runs the examples", async () => {
    const words = (file: string) => ["flow", "run", join(root, "examples", file), "--repo", repository.path, "--json"];
    const yaml = await cli([...words("flow.yaml"), "--input", "name=twice"], { env });
    // The tests of this repository fail by a fault of its own, which the flow is not there for.
    expect(yaml.code).toBe(1);
    expect(JSON.parse(yaml.stdout)).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("not met in 2 rounds"),
    });
    expect(JSON.parse(yaml.stdout).diff).toContain("+    return n * 2");
    const module = await cli(["flow", "run", "two-looks", "--repo", repository.path, "--json"], { env });
    expect(JSON.parse(module.stdout)).toMatchObject({ status: "completed", steps: [{ id: "looks" }] });
  });

  test("asks a person, who answers from elsewhere", async () => {
    const box = new Glovebox(server);
    const { run: begun } = await box.flows.start({ flow: "own" });
    const answer = (...words: string[]) => cli(["flow", "answer", begun.id, ...words], { env });
    await expect.poll(async () => (await answer()).stdout, { timeout: 20_000 }).toContain("Why?");
    expect(await answer("--approve")).toMatchObject({ code: 2 });
    expect(await answer("--answer", "because")).toMatchObject({ code: 0 });
    const watched = await cli(["flow", "watch", begun.id], { env });
    expect(watched).toMatchObject({ code: 0, stdout: expect.stringContaining("✓ ask  because") });
  });

  test("holds the configuration's rounds and model to runs, and a request's choice above them", async () => {
    const box = new Glovebox(server);
    const inputOf = async (id: string) => {
      const { items } = await box.runs.journal(id, { limit: 1 });
      return items[0]?.payload.input as { setup: Record<string, unknown>; input: Record<string, unknown> };
    };
    const plain = await inputOf(await startFlow(box, PYTHON, { flow: "fix-failing" }));
    expect(plain).toMatchObject({ setup: { model: "default", deterministic: true }, input: { rounds: 2 } });
    const own = { flow: "fix-failing", input: { rounds: 1 }, setup: { model: "none" } };
    const asked = await inputOf(await startFlow(box, PYTHON, own));
    expect(asked.input).toMatchObject({ rounds: 1 });
    expect(asked.setup).not.toHaveProperty("model");
  });
});
