import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DurableEngine, openEmbeddedEngine } from "../../engine/index.ts";
import { openProvider, ProviderSettings } from "../../models/index.ts";
import { type ModelServer, startModelServer } from "../../models/testing/model-server.ts";
import { openStage, type Stage, TENANT } from "../../sessions/testing/stage.ts";
import { parseWorkflow } from "../workflow/parse-workflow.ts";
import { asWorkflow } from "./as-workflow.ts";
import { CiTranslate } from "./ci-translate.ts";
import { lineDiff } from "./plan-lines.ts";
import { Translation } from "./translation.ts";

const ANSWER = {
  name: "From GitLab",
  trigger: "push",
  environment: { CI: "true" },
  setupCommands: ["npm ci"],
  steps: [
    { name: "Test", command: "npm test\nnpm run more", workingDir: "app", continueOnError: true, timeoutSeconds: 90 },
  ],
  cleanupCommands: ["rm -rf tmp"],
  cachePaths: ["~/.npm"],
};
const FILE = { path: ".gitlab-ci.yml", text: "test:\n  script: [npm ci, npm test]\n" };

let stage: Stage;
let engine: DurableEngine;
let server: ModelServer;
let translate: CiTranslate;
beforeAll(async () => {
  stage = await openStage();
  engine = await openEmbeddedEngine({ store: stage.store, determinism: "strict" });
  server = await startModelServer();
  const provider = openProvider(
    ProviderSettings.parse({ kind: "openai", baseUrl: `${server.url}/v1`, idleTimeoutMs: 500 }),
  );
  translate = new CiTranslate(engine, { provider, name: "tiny" });
});
afterAll(async () => {
  await engine?.close();
  await server?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

function ask(file = FILE) {
  return translate.translate(TENANT, file, AbortSignal.timeout(30_000));
}

describe("translation by a model", { timeout: 60_000 }, () => {
  test("a foreign file becomes a workflow, shown against what there was, and its journal replays without asking", async () => {
    server.reply({ text: JSON.stringify(ANSWER) });
    const { runId, deterministic, diff, workflow = "", translation, error } = await ask();
    expect(error).toBeUndefined();
    expect(translation).toEqual(ANSWER);
    expect(deterministic).toEqual([]);
    expect(diff.split("\n")).toContain("+ $ npm run more");
    expect(parseWorkflow({ path: "w.yml", text: workflow }).workflow?.jobs[0]).toMatchObject({
      env: { CI: "true" },
      steps: [
        { uses: "actions/checkout@v4" },
        { uses: "actions/cache@v4" },
        { run: "npm ci" },
        { run: "npm test\nnpm run more", workingDirectory: "app", continueOnError: true, timeoutMinutes: 2 },
        { run: "rm -rf tmp", if: "always()" },
      ],
    });
    const asked = server.asked.length;
    expect(await engine.replay(TENANT, runId)).toMatchObject({ identical: true });
    expect(server.asked.length).toBe(asked);
    const question = JSON.stringify(server.asked.at(-1)?.body);
    expect(question).toContain("npm ci, npm test");
    expect(question).toContain("json_schema");
  });

  const workflow = {
    path: ".github/workflows/w.yml",
    text: "on: push\njobs: {a: {runs-on: x, steps: [{run: make}, {uses: some/action@v1}]}}\n",
  };

  test("the diff of a workflow keeps what is the same", async () => {
    server.reply({
      text: JSON.stringify({
        ...ANSWER,
        setupCommands: [],
        cachePaths: [],
        cleanupCommands: [],
        steps: [{ name: "Make", command: "make" }],
      }),
    });
    expect((await ask(workflow)).diff.split("\n")).toEqual([
      "+ uses actions/checkout@v4",
      "  $ make",
      "- uses some/action@v1",
    ]);
  });

  test.each([
    ["no JSON", { text: "Sure! Here are the steps: …" }, "the answer is not the JSON"],
    ["a field too many", { text: JSON.stringify({ ...ANSWER, sudo: true }) }, "does not fit"],
    ["no steps", { text: JSON.stringify({ ...ANSWER, steps: [] }) }, "does not fit"],
    [
      "an expression, which would see secrets",
      { text: JSON.stringify({ ...ANSWER, setupCommands: ["echo ${{ secrets.TOKEN }}"] }) },
      "must not hold an expression",
    ],
    ["a variable that is none", { text: JSON.stringify({ ...ANSWER, environment: { "A B": "x" } }) }, "does not fit"],
    ["a refusal", { fault: { kind: "status", status: 400 } }, ""],
    ["garbage", { fault: { kind: "garbage" } }, ""],
  ] as const)("on %s the deterministic plan stands", async (_, reply, message) => {
    server.reply(reply);
    const outcome = await ask(workflow);
    expect(outcome.error?.message).toContain(message);
    expect(outcome).toMatchObject({
      deterministic: ["$ make", "uses some/action@v1"],
      diff: "  $ make\n  uses some/action@v1",
    });
    expect(outcome.translation).toBeUndefined();
    expect(outcome.workflow).toBeUndefined();
  });

  test("it is off without a model, and asks nobody", async () => {
    const asked = server.asked.length;
    const off = new CiTranslate(engine);
    await expect(off.translate(TENANT, FILE, AbortSignal.timeout(1_000))).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(server.asked.length).toBe(asked);
  });
});

test("every trigger makes a workflow that GitHub's rules let pass", () => {
  for (const trigger of ["push", "pull_request", "schedule", "workflow_dispatch"]) {
    const text = asWorkflow(
      Translation.parse({ name: "x", trigger, steps: [{ name: "a: #b", command: "echo '*' &x" }] }),
    );
    expect(parseWorkflow({ path: "w.yml", text }).problems).toEqual([]);
  }
});

test("a diff names what went, what came, and what stayed", () => {
  expect(lineDiff(["a", "b", "c"], ["b", "x", "c", "d"])).toBe("- a\n  b\n+ x\n  c\n+ d");
  expect(lineDiff([], [])).toBe("");
});
