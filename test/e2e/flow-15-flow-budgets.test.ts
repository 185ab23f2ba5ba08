import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FlowStart, Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PYTHON, runFlow, SLOW } from "../support/flows.ts";
import { processesWith } from "../support/processes.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Writes a file, and then does what uses more than it may. */
const writesThen = (step: string) => `name: writes-then
steps:
  - {id: first, agent: codegen, input: {file: {path: notes.py, content: "A = 1\\n"}}}
  - ${step}
`;

describe("a flow that uses more than it may", { timeout: 120_000 }, () => {
  let server: TestServer;
  let box: Glovebox;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glovebox-budgets-"));
    const script = join(folder, "script.json");
    await writeFile(script, JSON.stringify({ answers: [{ text: "no words that are of any use. ".repeat(200) }] }));
    const model = `{provider: scripted, model: scripted, script: ${script}, prices: {input: 0, output: 1000}}`;
    await writeFile(join(folder, "glovebox.yaml"), `agents: {model: ${model}}\n`);
    server = await startServer({ args: ["--config", join(folder, "glovebox.yaml")] });
    box = await Glovebox.connect(server);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs it, and holds it to its end: `budget_exceeded`, told in the journal, with what was done kept, and the same in a replay. */
  const exceeds = async (files: typeof PYTHON, start: FlowStart) => {
    const view = await runFlow(box, files, start);
    const [what = "", limit] = Object.entries(start.budget ?? {})[0] ?? [];
    expect(view).toMatchObject({ status: "failed", error: { code: "budget_exceeded", details: { what, limit } } });
    const told = await box.runs.budget(view.runId);
    expect(told).toMatchObject({ limits: start.budget, exceeded: { what } });
    expect(await box.runs.replay(view.runId)).toMatchObject({ identical: true });
    return { view, used: told.used };
  };
  const kept = { steps: [{ id: "first", status: "done" }], diff: expect.stringContaining("+A = 1\n") };

  test("of tool calls: two, and the third ends it", async () => {
    const { view, used } = await exceeds(PYTHON, {
      definition: writesThen("{id: test, agent: test_exec}"),
      budget: { toolCalls: 2 },
    });
    expect(view).toMatchObject(kept);
    expect(used.toolCalls).toBe(3);
  });

  test("of tokens, and of dollars, by what a model's answers say", async () => {
    const definition = writesThen("{id: more, agent: codegen, input: {goal: make it nicer}}");
    const { view, used } = await exceeds(PYTHON, { definition, budget: { tokens: 1_000 } });
    expect(view).toMatchObject(kept);
    expect(used.tokens).toBeGreaterThan(1_000);
    const paid = await exceeds(PYTHON, { definition, budget: { dollars: 1 } });
    expect(paid.view).toMatchObject(kept);
    expect(paid.used.dollars).toBeGreaterThan(1);
    const enough = await runFlow(box, PYTHON, { definition, budget: { tokens: 1_000_000, dollars: 1_000 } });
    expect(enough.error).toBeUndefined();
  });

  test("of seconds, its sandbox's and its own: what runs in the sandbox ends with it", async () => {
    const definition = writesThen("{id: test, agent: test_exec}");
    const { view, used } = await exceeds(SLOW, { definition, budget: { sandboxSeconds: 5 } });
    expect(view).toMatchObject(kept);
    expect(used.sandboxSeconds).toBeGreaterThan(5);
    await exceeds(SLOW, { flow: "fix-failing", budget: { wallMs: 2_000 } });
    await expect.poll(() => processesWith("987123"), { timeout: 10_000 }).toBe(0);
    const alone = `name: alone\nrepository: false\nsteps:\n  - {id: first, agent: planner, input: {goal: write a poem}}\n  - {ask: Which?}\n`;
    const { id } = (await box.flows.start({ definition: alone, budget: { wallMs: 2_000 }, setup: { model: "none" } }))
      .run;
    await box.runs.wait(id, { signal: AbortSignal.timeout(60_000) });
    expect(await box.flows.run(id)).toMatchObject({
      status: "failed",
      error: { code: "budget_exceeded", details: { what: "wallMs" } },
      steps: [{ id: "first", status: "done" }],
    });
  });
});
